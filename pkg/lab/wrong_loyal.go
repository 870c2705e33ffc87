package lab

import "context"

// wrongLoyal never takes what belongs to another worker. What a dead worker had stays undone.
func wrongLoyal(ctx context.Context, w *worker) error {
	mine := func(ctx context.Context) (*task, error) { return first(ctx, w.own, w.fresh) }
	return w.work(ctx, mine, func(t *task, words counts) error {
		return w.commit(ctx, t, words)
	})
}
