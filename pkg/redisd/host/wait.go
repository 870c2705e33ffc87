package host

import (
	"context"
	"fmt"
	"time"
)

// PollEvery is how often to ask for what announces itself by no event.
const PollEvery = 10 * time.Millisecond

// Sleep waits for d, or until ctx ends: then it returns the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// Also adds an error of the clean-up to an earlier error, in one line. Both may be nil.
func Also(err, cleanup error) error {
	switch {
	case err == nil:
		return cleanup
	case cleanup == nil:
		return err
	}
	return fmt.Errorf("%w; also %w", err, cleanup)
}
