package lab

import "context"

// wrongIncrement adds the counts first. If it is killed before it acknowledges the text, somebody
// else counts the text once more.
func wrongIncrement(ctx context.Context, w *worker) error {
	return w.work(ctx, w.take, func(t *task, words counts) error {
		if err := w.addAtOnce(ctx, words); err != nil {
			return err
		}
		w.at(between)
		return w.acknowledge(ctx, t)
	})
}
