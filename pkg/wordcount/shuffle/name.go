package shuffle

import (
	"errors"
	"fmt"
	"regexp"
)

// ErrName is the error of a name that is no name of a job, a run, a map output or a result file. Nothing
// was looked for in the store. Names come from Redis and become parts of paths, so they are checked
// here, even if a caller has checked them.
var ErrName = errors.New("not a name in a shuffle store")

const (
	jobLen   = 16
	nonceLen = 26
)

var (
	jobName = regexp.MustCompile(fmt.Sprintf(`^[0-9a-f]{%d}$`, jobLen))
	// nonce is the form of rand.Text, which RFC 4648 calls base32.
	nonce = regexp.MustCompile(fmt.Sprintf(`^[A-Z2-7]{%d}$`, nonceLen))
)

func checkName(what, name string, form *regexp.Regexp) error {
	if !form.MatchString(name) {
		return fmt.Errorf("shuffle: %w: %s %.40q", ErrName, what, name)
	}
	return nil
}
