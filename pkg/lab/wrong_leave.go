package lab

import (
	"context"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// wrongLeave commits as it should, and leaves as soon as there is nothing to take and nothing
// pending.
func wrongLeave(ctx context.Context, w *worker) error {
	for {
		err := w.work(ctx, w.take, func(t *task, words counts) error { return w.commit(ctx, t, words) })
		if err != nil {
			return err
		}
		pending, err := w.redis.XPending(ctx, w.stream, protocol.Group).Result()
		if err != nil || pending.Count == 0 {
			return err
		}
	}
}
