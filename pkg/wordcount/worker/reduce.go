package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// storeWords is how many words one call stores. Twice as many blocked the server's only thread for
// about 25 ms in a sorted set of a million words, and for 83 ms on average in one of nine million.
const storeWords = 10_000

// wordBytes is about what a word takes in the sorted set.
const wordBytes = 128

// reduce merges the partial counts of as many partitions as fit into memory, and stores their
// totals together, by descending count. Redis takes 0.9 µs per word in that order. It takes two to
// three times as long if each partition starts at the top again. Every attempt computes the same
// totals.
func (w *Worker) reduce(ctx context.Context) error {
	// A task that must run alone runs before the next one is examined, because an examined task
	// counts as begun.
	if i := slices.IndexFunc(w.todo, func(t claim.Task) bool { return t.Stolen }); i >= 0 && !w.todo[0].Alone {
		w.todo[0], w.todo[i] = w.todo[i], w.todo[0]
		return w.examine(ctx)
	}
	if err := w.gather(ctx); err != nil {
		return err
	}
	parts, ranking, err := w.mergeSome(ctx)
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		return w.revoke(ctx, lost)
	}
	if errors.Is(err, protocol.ErrPhase) {
		return w.backToMaps(ctx)
	}
	if err != nil {
		return err
	}
	if w.spec.Job.Keep > 0 {
		return w.publish(ctx, parts[0], ranking)
	}
	w.absence.Reset()
	slices.SortFunc(parts, func(a, b claim.Task) int { return cmp.Compare(a.Number, b.Number) })
	return w.storeTotals(ctx, parts, ranking)
}

// gather takes this worker's share of the partitions that no worker has yet.
func (w *Worker) gather(ctx context.Context) error {
	more := w.reduceShare() - len(w.todo)
	if more <= 0 || w.todo[0].Alone {
		return nil
	}
	_, err := w.list(w.claims.Take(ctx, protocol.Reduces, more))
	return err
}

// reduceShare is how many partitions are stored together. It is half of all, so that two workers
// can store at once, which is more than the server can keep up with. It is a small part if workers
// die, because each death loses the work on a share, and counts against all tasks in it.
func (w *Worker) reduceShare() int {
	shares := 2
	if w.lifetime() > 0 {
		shares = 16
	}
	return (w.spec.Job.Reducers + shares - 1) / shares
}

// mergeSome merges partitions of this worker until their totals fill a third of the memory, because
// growing takes as much again. It returns the tasks and the totals. Each partition is merged by
// itself, in a table small enough to stay in the CPU cache. An error ends it, and is returned if
// nothing was merged before.
func (w *Worker) mergeSome(ctx context.Context) (parts []claim.Task, ranking count.Ranking, err error) {
	w.combiner.shrink() // the map tasks have made it large
	table := count.New()
	for _, t := range w.todo {
		alone := t.Alone || w.todo[0].Alone
		if t.Stream != protocol.Reduces || alone && len(parts) > 0 {
			continue
		}
		if err := w.merger.merge(ctx, w.outputs, w.run, t.Number-1, table); err != nil {
			if len(parts) > 0 {
				return parts, ranking, nil
			}
			return nil, ranking, err
		}
		parts = append(parts, t)
		ranking.Add(table)
		if ranking.Bytes() > int(w.spec.Memory/3) || w.spec.Job.Keep > 0 { // a file has one partition
			break
		}
	}
	return parts, ranking, nil
}

// revoke takes back a map output that can't be read, so that its tasks run again.
func (w *Worker) revoke(ctx context.Context, lost *lostError) error {
	if err := w.client.Revoke(ctx, w.run, lost.output, w.committer.host, lost.err); err != nil {
		return err
	}
	return w.backToMaps(ctx)
}

// backToMaps gives all tasks back, because maps must be done first, and forgets the map outputs.
func (w *Worker) backToMaps(ctx context.Context) error {
	if _, err := w.client.Release(ctx, w.run, w.spec.Consumer, false); err != nil {
		return err
	}
	w.merger.forget()
	w.leases.Clear()
	w.todo = nil
	return w.readJob(ctx)
}

// publish stores the totals of a partition in a result file.
func (w *Worker) publish(ctx context.Context, task claim.Task, ranking count.Ranking) error {
	standings, err := w.publisher.publish(ctx, w.run, w.outputs, task.Number-1, ranking.Descending())
	if err != nil {
		return err
	}
	w.absence.Reset()
	if standings == nil {
		w.leases.Done(task.TaskID, 0)
	}
	w.settle([]claim.Task{task}, standings)
	return nil
}

// storeTotals stores the totals of the given partitions.
func (w *Worker) storeTotals(ctx context.Context, tasks []claim.Task, ranking count.Ranking) error {
	of := protocol.Totals{Nonce: protocol.NewNonce(), Partitions: make([]int, len(tasks)), Tokens: ranking.Tokens()}
	for i, t := range tasks {
		of.Partitions[i] = t.Number - 1
	}
	entries := ranking.Descending()
	for at := 0; ; {
		end := min(at+w.storeWords, len(entries))
		words := make([]any, 0, 2*(end-at))
		for _, e := range entries[at:end] {
			words = append(words, e.N, e.Word)
		}
		w.spec.Faults.at(BeforeCommit)
		now, err := w.client.Store(ctx, w.run, of, at, words, end == len(entries))
		switch {
		case err != nil:
			return err
		case now.Done:
			w.spec.Faults.at(AfterCommit)
			for _, t := range tasks {
				w.leases.Done(t.TaskID, 0)
			}
			w.settle(tasks, nil)
			return nil
		case now.Standings != nil:
			w.settle(tasks, now.Standings)
			return nil
		}
		at = min(now.Offset, len(entries)) // a rollback may have lowered it
	}
}

// settle removes tasks from the list, except those that stand as pending. With nil standings it
// removes all.
func (w *Worker) settle(tasks []claim.Task, standings []string) {
	for i, t := range tasks {
		if standings == nil || standings[i] != protocol.Pending {
			w.leases.Drop(t.TaskID)
			w.todo = slices.DeleteFunc(w.todo, func(o claim.Task) bool { return o.TaskID == t.TaskID })
		}
	}
}
