package lab

import "context"

// wrongAcknowledge acknowledges the text first. If it is killed before it adds the counts, nobody
// ever does.
func wrongAcknowledge(ctx context.Context, w *worker) error {
	return w.work(ctx, w.take, func(t *task, words counts) error {
		if err := w.acknowledge(ctx, t); err != nil {
			return err
		}
		w.at(between)
		return w.addAtOnce(ctx, words)
	})
}
