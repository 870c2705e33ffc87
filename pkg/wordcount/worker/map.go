package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

const (
	// errorLimit is how many attempts at a task may fail before it is buried.
	errorLimit = 3
)

const (
	// deathLimit: a task of which so many workers died is buried; the ones after aloneFrom had nothing else in hand. Where one
	// of four workers is killed each second for no fault of its task, one in four tasks of a second's work dies each time: six
	// times in a row happens to one in 4,000 of them, three times would to one in 64.
	deathLimit = protocol.AloneFrom + 6
)

// mapSplit counts the first task of the list into the table.
func (w *Worker) mapSplit(ctx, kill context.Context, t task) error {
	if t.stolen {
		return w.examine(ctx)
	}
	if err := w.checker.check(t); err != nil {
		return err
	}
	start := time.Now()
	if w.spec.Faults.Slow > 0 && retry.Sleep(ctx, w.spec.Faults.Slow) != nil {
		return nil
	}
	tokens, err := w.count(kill, t.split)
	if kill.Err() != nil {
		w.recount()
		return kill.Err()
	}
	if err != nil {
		return w.failed(ctx, t, err)
	}
	w.claims.todo = w.claims.todo[1:]
	w.combiner.hold(t, tokens, start)
	w.claims.pace(time.Since(start))
	// Without reducers each task is one call: acknowledged, and added to the sorted set.
	if t.alone || w.spec.Job.Reducers == 0 {
		return w.commitHeld(ctx)
	}
	return nil
}

// examine looks up what became of those who had the first task of the list before us.
func (w *Worker) examine(ctx context.Context) error {
	t := &w.claims.todo[0]
	deaths, err := w.client.BeginTask(ctx, w.run, t.TaskID, w.spec.Consumer)
	if err != nil {
		return err
	}
	t.stolen = false
	t.alone = deaths >= protocol.AloneFrom
	if deaths >= deathLimit {
		return w.bury(ctx, *t, protocol.Cause{Code: protocol.Deaths, Text: fmt.Sprintf("%s: %d workers died of it", t, deaths)})
	}
	return nil
}

// count adds one split to the table.
func (w *Worker) count(kill context.Context, s plan.Split) (tokens uint64, err error) {
	for part := range s.Ranges() {
		n, err := w.countPart(kill, part)
		if err != nil {
			return 0, err
		}
		tokens += n
	}
	return tokens, nil
}

// reading is an input as a worker reads it: until the worker must end, and so that its heartbeat can tell whether it goes on.
type reading struct {
	input.Reader
	w    *Worker
	kill context.Context
}

func (r *reading) ReadAt(p []byte, off int64) (n int, err error) {
	if err := r.kill.Err(); err != nil {
		return 0, err
	}
	r.w.reads.next()
	n, err = r.Reader.ReadAt(p, off)
	r.w.spec.Faults.at(MidCount)
	return n, err
}

// countPart adds a range of one file to the table. The file is checked once more after it was read, on the same descriptor:
// what was read is then what the manifest meant, as far as size and time can tell.
func (w *Worker) countPart(kill context.Context, s plan.Split) (tokens uint64, err error) {
	w.reads.begin()
	defer w.reads.end()
	f := &reading{w: w, kill: kill}
	if err := f.Open(kill, s.File); err != nil {
		return 0, unreadable(err)
	}
	defer f.Close()
	tokens, countErr := w.combiner.add(f, s)
	if err := f.Check(s.Off+s.Len == s.Size); err != nil { // then a failed count may have been its fault
		return 0, unreadable(err)
	}
	if _, ofFile := errors.AsType[*fs.PathError](countErr); ofFile {
		return 0, unreadable(countErr)
	}
	if countErr != nil {
		return 0, fmt.Errorf("%s: %w", strconv.Quote(s.Path), countErr)
	}
	return tokens, nil
}

// recount puts back what the table holds: a split that failed half-way has spoilt it.
func (w *Worker) recount() {
	held := w.combiner.held
	w.combiner.empty()
	w.claims.todo = append(w.claims.todo, held...)
}

// failed reports an attempt that met an error, and leaves the task for later unless that was the last try.
func (w *Worker) failed(ctx context.Context, t task, cause error) error {
	w.recount()
	if w.spec.Trust.Joined && ofThisHost(cause) {
		return fmt.Errorf("%w: %w", plan.ErrForeign, cause)
	}
	if _, changed := errors.AsType[*input.ChangedError](cause); changed { // another try doesn't help
		return w.bury(ctx, t, causeOf(cause))
	}
	standing, err := w.client.Fail(ctx, w.run, t.TaskID, protocol.NewNonce(), errorLimit, causeOf(cause))
	if err != nil {
		return err
	}
	w.claims.todo = w.claims.todo[1:]
	if standing == "failed" {
		w.claims.todo = append(w.claims.todo, t)
	} else {
		w.leases.drop(t.TaskID)
	}
	return nil
}

// bury gives the first task of the list up for good.
func (w *Worker) bury(ctx context.Context, t task, cause protocol.Cause) error {
	if _, err := w.client.Fail(ctx, w.run, t.TaskID, protocol.NewNonce(), 1, cause); err != nil {
		return err
	}
	w.claims.todo = w.claims.todo[1:]
	w.leases.drop(t.TaskID)
	return nil
}
