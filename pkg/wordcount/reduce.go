package wordcount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// putMax is how many words one call stores: some 25 ms of the server's only thread.
const putMax = 20_000

// reduce merges the partial counts of as many partitions as there is memory for, and stores their totals together, by
// descending count: Redis takes 0.9 µs a word in that order, and twice to three times as much where each partition
// begins at the top again. Every attempt computes the same totals.
func (w *Worker) reduce(ctx context.Context) error {
	// One that must run alone does so before the next is examined, for that counts as begun.
	if i := slices.IndexFunc(w.todo, func(t task) bool { return t.stolen }); i >= 0 && !w.todo[0].alone {
		w.todo[0], w.todo[i] = w.todo[i], w.todo[0]
		return w.examine(ctx)
	}
	if err := w.gather(ctx); err != nil {
		return err
	}
	defer w.table.Reset() // nothing is held here: step commits before the phase can change
	parts, err := w.mergeSome(ctx)
	if errors.Is(err, errPhase) {
		// A rollback took the job back to its maps; the tasks will be delivered again.
		w.settle(parts, nil)
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(parts, func(a, b task) int { return cmp.Compare(a.n, b.n) })
	return w.store(ctx, parts)
}

// gather takes its share of the partitions that nobody has yet: half of all, so that two workers can be at it, which is
// more than the server keeps up with.
func (w *Worker) gather(ctx context.Context) error {
	more := w.reduceShare() - len(w.todo)
	if more <= 0 || w.todo[0].alone {
		return nil
	}
	fresh, err := w.readGroup(ctx, []string{"reduce"}, ">", more, -1)
	w.take(fresh, false)
	return err
}

func (w *Worker) reduceShare() int { return (w.Job.Reducers + 1) / 2 }

// mergeSome merges partitions of ours into the table until that is full, and returns their tasks.
func (w *Worker) mergeSome(ctx context.Context) (parts []task, err error) {
	for _, t := range w.todo {
		if t.stream != "reduce" || len(parts) > 0 && t.alone {
			continue
		}
		parts = append(parts, t)
		commits, err := w.partition(ctx, w.run, t.n-1)
		if err != nil {
			return parts, err
		}
		for _, packed := range commits {
			if err := merge(w.table, packed); err != nil {
				return parts, fmt.Errorf("%w: partition %d: %w", ErrState, t.n-1, err)
			}
		}
		if t.alone || w.full() {
			break
		}
	}
	return parts, nil
}

// store stores the totals of the partitions that the table holds.
func (w *Worker) store(ctx context.Context, tasks []task) error {
	of := totals{newNonce(), make([]int, len(tasks)), w.table.Tokens()}
	for i, t := range tasks {
		of.parts[i] = t.n - 1
	}
	entries := w.table.Descending()
	for at := 0; ; {
		end := min(at+w.chunk, len(entries))
		words := make([]any, 0, 2*(end-at))
		for _, e := range entries[at:end] {
			words = append(words, e.N, e.Word)
		}
		w.Faults.at(BeforeCommit)
		now, err := w.put(ctx, w.run, of, at, words, end == len(entries))
		switch {
		case err != nil:
			return err
		case now.done:
			w.Faults.at(AfterCommit)
			for _, t := range tasks {
				w.leases.done(t.taskID, 0)
			}
			w.settle(tasks, nil)
			return nil
		case now.standings != nil:
			w.settle(tasks, now.standings)
			return nil
		}
		at = min(now.words, len(entries)) // not where we were if a rollback took something back
	}
}

// settle takes tasks off the list, but for those that stand as pending.
func (w *Worker) settle(tasks []task, standings []string) {
	for i, t := range tasks {
		if standings == nil || standings[i] != pending {
			w.leases.drop(t.taskID)
			w.todo = slices.DeleteFunc(w.todo, func(o task) bool { return o.taskID == t.taskID })
		}
	}
}
