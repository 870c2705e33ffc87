package lab

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// wrongList takes the texts from a list. LPOP removes a text when it hands it out, so a text dies
// with its worker.
func wrongList(ctx context.Context, w *worker) error {
	pop := func(ctx context.Context) (*task, error) {
		path, err := w.redis.LPop(ctx, w.list).Result()
		if errors.Is(err, redis.Nil) {
			return nil, nil
		}
		return &task{path: path}, err
	}
	return w.work(ctx, pop, func(_ *task, words counts) error {
		return w.addAtOnce(ctx, words)
	})
}
