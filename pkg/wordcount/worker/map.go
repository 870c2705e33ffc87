package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

const (
	// errorLimit is how many attempts at a task may fail before the task is buried.
	errorLimit = 3
)

const (
	// deathLimit is how many workers may die of a task before the task is buried. From AloneFrom
	// deaths on, a worker has nothing else in hand while it does the task. Assume that one of four
	// workers is killed each second, whatever it does. Then one in four attempts at a task of one
	// second's work ends in a death. Six deaths in a row happen to one in 4,000 such tasks. Three
	// in a row would happen to one in 64.
	deathLimit = protocol.AloneFrom + 6
)

// mapSplit counts t, the first task of the list, into the combiner.
func (w *Worker) mapSplit(ctx, kill context.Context, t claim.Task) error {
	if t.Stolen {
		return w.examine(ctx)
	}
	if err := w.checker.Check(t); err != nil {
		return err
	}
	start := time.Now()
	w.journal.attempt(protocol.Maps, t)
	if w.spec.Faults.Slow > 0 && retry.Sleep(ctx, w.spec.Faults.Slow) != nil {
		return nil
	}
	tokens, err := w.count(kill, t.Split)
	if kill.Err() != nil {
		w.recount()
		return kill.Err()
	}
	if errors.Is(err, shuffle.ErrHost) { // it says nothing about the task
		w.recount()
		return err
	}
	if err != nil {
		return w.failed(ctx, t, err)
	}
	w.todo = w.todo[1:]
	w.combiner.Hold(t, tokens, start)
	w.claims.Pace(time.Since(start))
	// Without reducers each task is one call, which acknowledges the task and adds its counts to
	// the sorted set.
	if t.Alone || w.spec.Job.Reducers == 0 {
		return w.commitHeld(ctx)
	}
	return nil
}

// examine asks how many workers died of the first task of the list, which was stolen. It buries the
// task if they are too many.
func (w *Worker) examine(ctx context.Context) error {
	t := &w.todo[0]
	deaths, err := w.client.BeginTask(ctx, w.run, t.TaskID, w.spec.Consumer)
	if err != nil {
		return err
	}
	t.Stolen = false
	t.Alone = deaths >= protocol.AloneFrom
	if deaths >= deathLimit {
		return w.bury(ctx, *t, protocol.Cause{Code: protocol.Deaths, Text: fmt.Sprintf("%s: %d workers died of it", t, deaths)})
	}
	return nil
}

// count adds one split to the combiner, and returns the number of words in it.
func (w *Worker) count(kill context.Context, s plan.Split) (tokens uint64, err error) {
	if len(s.More) > 0 { // small files, most likely of one folder
		w.input.Folder = new(input.Folder)
		defer func() {
			w.input.Folder.Close()
			w.input.Folder = nil
		}()
	}
	for part := range s.Ranges() {
		n, err := w.countPart(kill, part)
		if err != nil {
			return 0, err
		}
		tokens += n
	}
	return tokens, nil
}

// countPart adds a range of one file to the combiner. It checks the file once more after reading, on
// the same descriptor. So the bytes that it read are those that the manifest means, as far as size
// and time can tell.
func (w *Worker) countPart(kill context.Context, s plan.Split) (tokens uint64, err error) {
	w.shared.reads.Begin()
	defer w.shared.reads.End()
	f := &reading{Reader: &w.input, progress: &w.shared.reads, faults: w.spec.Faults, kill: kill}
	if err := f.Open(kill, s.File, s.Off, s.Off+s.Len); err != nil {
		return 0, unreadable(err)
	}
	defer f.Close()
	tokens, countErr := w.combiner.Count(f, s)
	if errors.Is(countErr, shuffle.ErrHost) {
		return 0, countErr
	}
	if err := f.Check(s.Off+s.Len == s.Size); err != nil { // a changed file may be why the count failed
		return 0, unreadable(err)
	}
	if ofFile(countErr) {
		return 0, unreadable(countErr)
	}
	if countErr != nil {
		return 0, fmt.Errorf("%s: %w", strconv.Quote(s.Path), countErr)
	}
	return tokens, nil
}

// recount puts the tasks that the combiner holds back into the list, because a split that failed
// half-way has spoilt the combiner.
func (w *Worker) recount() {
	held := w.combiner.Held()
	w.combiner.Empty()
	w.todo = append(w.todo, held...)
}

// failed reports an attempt that met an error. The task goes to the end of the list for another
// attempt, unless this was the last one. The next attempt runs alone, so that it spoils nothing and has
// all the room of a map output.
func (w *Worker) failed(ctx context.Context, t claim.Task, cause error) error {
	w.recount()
	if w.spec.Trust.Joined && ofThisHost(cause) {
		return fmt.Errorf("%w: %w", plan.ErrForeign, cause)
	}
	// Another attempt doesn't help.
	if _, changed := errors.AsType[*input.ChangedError](cause); changed {
		return w.bury(ctx, t, causeOf(cause))
	}
	w.journal.Write(event.Failed, append(named(t), slog.String("why", cause.Error()))...)
	standing, err := w.client.Fail(ctx, w.run, t.TaskID, protocol.NewNonce(), errorLimit, causeOf(cause))
	if err != nil {
		return err
	}
	w.todo = w.todo[1:]
	if standing == "failed" {
		t.Alone = true
		w.todo = append(w.todo, t)
	} else {
		w.tellBuried(t, standing, causeOf(cause))
		w.shared.leases.Drop(t.TaskID)
	}
	return nil
}

// tellBuried writes down that a task was given up, unless another worker has settled it.
func (w *Worker) tellBuried(t claim.Task, standing string, cause protocol.Cause) {
	if standing == "buried" {
		w.journal.Write(event.Buried, append(named(t), slog.String("why", cause.Text))...)
	}
}

// bury gives up the first task of the list for good.
func (w *Worker) bury(ctx context.Context, t claim.Task, cause protocol.Cause) error {
	standing, err := w.client.Fail(ctx, w.run, t.TaskID, protocol.NewNonce(), 1, cause)
	if err != nil {
		return err
	}
	w.tellBuried(t, standing, cause)
	w.todo = w.todo[1:]
	w.shared.leases.Drop(t.TaskID)
	return nil
}
