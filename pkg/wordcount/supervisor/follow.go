package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

// followEvery is how often a job is looked at that others supervise.
const followEvery = 200 * time.Millisecond

// Follow looks at a job that others supervise until it is sealed, and leaves mending to its supervisor. Seen gets each
// status.
func Follow(ctx context.Context, client protocol.Client, seen func(protocol.Status)) error {
	var backoff retry.Backoff
	for {
		st, err := client.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && st.Dismissed:
			return nil
		case err == nil:
			backoff.Reset()
			seen(st)
			if err := retry.Sleep(ctx, followEvery); err != nil {
				return err
			}
		case protocol.Transient(err) || errors.Is(err, protocol.ErrNoJob):
			if late := backoff.Wait(ctx); late != nil {
				return retry.Unreachable(late, err)
			}
		default:
			return err
		}
	}
}
