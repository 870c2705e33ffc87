package retry

import (
	"context"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Do retries an idempotent operation while Redis is unavailable, for Patience at most, and revives
// the server before each further try. It returns at once an error that another try can't mend.
func Do(ctx context.Context, revive func(context.Context) error, do func() error) error {
	var backoff Backoff
	for {
		err := do()
		if err == nil || !protocol.Transient(protocol.Classify(err)) {
			return err
		}
		if late := backoff.Wait(ctx); late != nil {
			return Unreachable(late, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := Revive(ctx, revive); err != nil && !protocol.Transient(protocol.Classify(err)) {
			return err
		}
	}
}

// Revive calls a function that makes the server answer again, and marks its error as one that
// passes, because a later try may meet a server that has started meanwhile. The mark means nothing
// on an error that protocol.Transient refuses anyway: one with a class, one of the disk, and one
// that the server itself replied.
func Revive(ctx context.Context, revive func(context.Context) error) error {
	if err := revive(ctx); err != nil {
		return passing{err}
	}
	return nil
}

type passing struct{ error }

func (e passing) Unwrap() error   { return e.error }
func (e passing) Temporary() bool { return true }
