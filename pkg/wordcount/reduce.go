package wordcount

import (
	"context"
	"errors"
	"fmt"
)

// reduce merges one partition's partial counts and stores its totals. Every attempt computes the same ones.
func (w *Worker) reduce(ctx context.Context, t task) error {
	if t.stolen && t.tries == 0 {
		return w.examine(ctx)
	}
	part := t.n - 1
	standing, err := w.totals(ctx, part)
	w.table.Reset() // nothing is held here: step commits before the phase can change
	switch {
	case errors.Is(err, errPhase):
		// A rollback took the job back to its maps; the task will be delivered again.
	case err != nil:
		return err
	case standing == committed:
		w.leases.done(t.taskID, 0)
	}
	w.todo = w.todo[1:]
	w.leases.drop(t.taskID)
	return nil
}

func (w *Worker) totals(ctx context.Context, part int) (standing string, err error) {
	commits, err := w.partition(ctx, w.run, part)
	if err != nil {
		return "", err
	}
	for _, packed := range commits {
		if err := merge(w.table, packed); err != nil {
			return "", fmt.Errorf("%w: partition %d: %w", ErrState, part, err)
		}
	}
	totals := make([]any, 0, 2*w.table.Len())
	for _, e := range w.table.Descending() {
		totals = append(totals, e.N, e.Word)
	}
	w.Faults.at(BeforeCommit)
	standing, err = w.put(ctx, w.run, part, w.table.Tokens(), totals)
	if err == nil {
		w.Faults.at(AfterCommit)
	}
	return standing, err
}
