package protocol

import (
	"context"
	"fmt"
	"strings"
)

// lostLimit is how often the output of one task may be lost before the task is buried. A disk or a
// host that ruins whatever it reads would make the job go round for ever.
const lostLimit = 3

// Revoke takes back an output that this host can't read, so that its tasks run again. It does nothing
// if somebody has done so already, or if everything is stored.
func (c Client) Revoke(ctx context.Context, run, output, host string, why error) error {
	reason := strings.ToValidUTF8(fmt.Sprint(why), "?")
	return c.call(ctx, "revoke", c.Job.Keys(), run, output, escapedHost(host), reason, lostLimit).Err()
}
