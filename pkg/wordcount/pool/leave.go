package pool

import (
	"context"
	"errors"
	"os/exec"

	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// lacksStore reports whether a worker left because its host can't use the store.
func lacksStore(ended error) bool {
	var exit *exec.ExitError
	return errors.As(ended, &exit) && exit.ExitCode() == worker.ExitStore
}

// leave records that a worker left because this host can't use the store. No other worker of this
// host could use it either, so the worker is not replaced. Workers of other hosts may complete the
// job: after the last worker has left, leave waits until there are none. Then it returns why the
// job fails.
func (t *Pool) leave(ctx context.Context, why error) error {
	t.mu.Lock()
	t.left++
	last := t.left == t.Size
	t.mu.Unlock()
	if !last {
		return nil
	}
	t.Events.Warn("the workers of this host have left, other hosts may go on: %v", why)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-t.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := t.Deserted(ctx)
	if ctx.Err() != nil { // the job has ended
		return nil
	}
	if err != nil {
		return err
	}
	return why
}
