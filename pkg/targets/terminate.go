package targets

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilTerminated returns a context that also ends at SIGTERM, which Mage doesn't know. Container
// engines and service managers send it. A second one ends the process at once. The context ends at an
// interrupt, too, because Mage listens for it only after it has started the target.
func untilTerminated(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
