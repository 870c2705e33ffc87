package targets

import (
	"context"
	"os/signal"
	"syscall"
)

// untilTerminated returns a context that also ends at SIGTERM, which Mage doesn't know. Container
// engines and service managers send it. A second one ends the process at once.
func untilTerminated(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
