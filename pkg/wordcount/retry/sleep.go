package retry

import (
	"context"
	"time"
)

// Sleep waits. If ctx ends it returns early, with the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
