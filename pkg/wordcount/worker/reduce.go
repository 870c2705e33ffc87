package worker

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/merge"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// storeWords is how many words one call stores. Twice as many blocked the server's only thread for
// about 25 ms in a sorted set of a million words, and for 83 ms on average in one of nine million.
const storeWords = 10_000

// storeBytes is about how many bytes of words one call stores at most, because the call holds them once
// more.
const storeBytes = 1 << 20

// wordBytes is about what a word takes in the sorted set.
const wordBytes = 128

// reducer is what a worker needs for reduce tasks alone.
type reducer struct {
	merger     merge.Merger
	publisher  publisher // with result files
	storeWords int       // words in one call that stores totals
}

// reduce merges the partial counts of this worker's partitions, and stores their totals together, by
// descending count. Every attempt computes the same totals.
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
	err := w.mergeAndStore(ctx)
	if lost := (*merge.LostError)(nil); errors.As(err, &lost) {
		return w.revoke(ctx, lost)
	}
	if errors.Is(err, protocol.ErrPhase) {
		return w.backToMaps(ctx)
	}
	return err
}

func (w *Worker) mergeAndStore(ctx context.Context) error {
	w.combiner.Shrink() // the map tasks have made it large
	tasks := w.reducible()
	w.journal.attempt(protocol.Reduces, tasks...)
	t, err := w.merger.Totals(ctx, w.outputs, w.run, partitionsOf(tasks))
	defer t.Discard()
	if err != nil {
		return err
	}
	if w.spec.Job.Keep > 0 {
		return w.publish(ctx, t)
	}
	w.storeWorks()
	return w.storeTotals(ctx, t)
}

// partitionsOf returns the partitions of reduce tasks.
func partitionsOf(tasks []claim.Task) (partitions []int) {
	for _, t := range tasks {
		partitions = append(partitions, t.Number-1)
	}
	return partitions
}

// reducible returns the tasks that may be stored together: all partitions of this worker, or one that
// runs alone.
func (w *Worker) reducible() (tasks []claim.Task) {
	if w.todo[0].Alone {
		return []claim.Task{w.todo[0]}
	}
	for _, t := range w.todo {
		if t.Stream == protocol.Reduces && !t.Alone {
			tasks = append(tasks, t)
		}
	}
	if w.spec.Job.Keep > 0 { // a result file has one partition
		return tasks[:1]
	}
	return tasks
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

// revoke takes back a map output that can't be read, so that its tasks run again.
func (w *Worker) revoke(ctx context.Context, lost *merge.LostError) error {
	if err := w.client.Revoke(ctx, w.run, lost.Output, w.committer.host, lost.Unwrap()); err != nil {
		return err
	}
	w.journal.Write(event.Revoke, slog.String("output", lost.Output), slog.String("why", lost.Error()))
	return w.backToMaps(ctx)
}

// backToMaps gives all tasks back, because maps must be done first, and forgets the map outputs.
func (w *Worker) backToMaps(ctx context.Context) error {
	if _, err := w.client.Release(ctx, w.run, w.spec.Consumer, false); err != nil {
		return err
	}
	w.journal.Write(event.Back)
	w.merger.Forget()
	w.shared.leases.Clear()
	w.todo = nil
	return w.readJob(ctx)
}

// publish stores the totals of a partition in a result file.
func (w *Worker) publish(ctx context.Context, t *merge.Totals) error {
	standings, err := w.publisher.publish(ctx, w.run, t, w.insist)
	if err != nil {
		return err
	}
	w.storeWorks()
	w.settle(t.Partitions, standings)
	return nil
}

// storeTotals stores the totals of some partitions.
func (w *Worker) storeTotals(ctx context.Context, t *merge.Totals) error {
	of := protocol.Totals{Nonce: protocol.NewNonce(), Partitions: t.Partitions, Tokens: t.Tokens}
	at, size := 0, 0
	var words []any
	for e, err := range t.Words() {
		if err == nil && (len(words) == 2*w.storeWords || size >= storeBytes) {
			var over bool
			if over, err = w.storeWordsAt(ctx, of, at, words, false); over {
				return err
			}
			at, size, words = at+len(words)/2, 0, words[:0]
		}
		if err != nil {
			return err
		}
		words = append(words, e.N, e.Word)
		size += len(e.Word)
	}
	_, err := w.storeWordsAt(ctx, of, at, words, true)
	return err
}

// storeWordsAt stores the words of an attempt that follow those before at, and reports whether the
// attempt is over: it has stored its last words, or others have stored the partitions.
//
// It is over, too, if a rollback has taken back what the attempt had stored. Then the tasks are still on
// the list, so the next attempt merges them anew.
func (w *Worker) storeWordsAt(ctx context.Context, of protocol.Totals, at int, words []any, last bool) (over bool, err error) {
	w.spec.Faults.at(BeforeCommit)
	var now protocol.Progress
	err = w.insist(ctx, func() (err error) {
		now, err = w.client.Store(ctx, w.run, of, at, words, last)
		return err
	})
	switch {
	case err != nil:
		return true, err
	case now.Done:
		w.spec.Faults.at(AfterCommit)
		w.settle(of.Partitions, nil)
		return true, nil
	case now.Standings != nil:
		w.settle(of.Partitions, now.Standings)
		return true, nil
	}
	return last || now.Offset != at+len(words)/2, nil
}

// settle removes partitions from the list, except those that stand as pending. With nil standings this
// worker has stored them all.
func (w *Worker) settle(partitions []int, standings []string) {
	numbers := make([]int, len(partitions))
	for i, p := range partitions {
		numbers[i] = p + 1
	}
	w.journal.answer(protocol.Reduces, numbers, standings)
	for i, p := range partitions {
		id := protocol.TaskID{Stream: protocol.Reduces, Number: p + 1}
		if standings == nil {
			w.shared.leases.Done(id, 0)
		}
		if standings == nil || standings[i] != protocol.Pending {
			w.shared.leases.Drop(id)
			w.todo = slices.DeleteFunc(w.todo, func(t claim.Task) bool { return t.TaskID == id })
		}
	}
}
