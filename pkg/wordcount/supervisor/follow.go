package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

// followEvery is the time between two looks at a job that another supervisor sees through.
const followEvery = 200 * time.Millisecond

// Await watches the job until another supervisor has sealed it. The error is that of Seal if the job
// can't be completed.
func (s *Supervisor) Await(ctx context.Context) error {
	st, err := s.Watch(ctx, func(st protocol.Status) bool { return st.Dismissed || givenUp(st) })
	if err == nil && !st.Dismissed {
		return incomplete(ctx, s.client, st)
	}
	return err
}

// givenUp reports whether a job is over without a result.
func givenUp(st protocol.Status) bool { return st.Buried > 0 && st.Over() }

// Follow watches a job that another supervisor sees through, until the job is sealed. It repairs
// nothing, because that supervisor does. seen gets each status. The error is that of Seal if the job
// can't be completed.
func Follow(ctx context.Context, client protocol.Client, seen func(protocol.Status)) error {
	var backoff retry.Backoff
	for {
		st, err := client.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && st.Dismissed:
			return nil
		case err == nil && givenUp(st):
			return incomplete(ctx, client, st)
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
