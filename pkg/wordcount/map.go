package wordcount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"
)

const (
	// errorLimit is how many attempts at a task may fail before it is buried.
	errorLimit = 3
	// aloneFrom: a task of which so many workers may have died runs alone, so that it can't take its neighbours along.
	aloneFrom = 2
	// deathLimit: a task of which so many workers died is buried; the ones after aloneFrom had nothing else in hand. Where one
	// of four workers is killed each second for no fault of its task, one in four tasks of a second's work dies each time: six
	// times in a row happens to one in 4,000 of them, three times would to one in 64.
	deathLimit = aloneFrom + 6
	// MaxLiveWords is how many distinct words one task may have without reducers: each is a ZINCRBY within one call,
	// and half a million of them hold the server for about three seconds.
	MaxLiveWords = 500_000
)

var (
	// errChanged: a file isn't what the manifest says; trying again doesn't help.
	errChanged = errors.New("input changed")
	// errUnread: a file can't be read.
	errUnread = errors.New("can't read input")
)

// mapSplit counts the first task of the list into the table.
func (w *Worker) mapSplit(ctx, hard context.Context, t task) error {
	if t.stolen {
		return w.examine(ctx)
	}
	if err := w.check(t); err != nil {
		return err
	}
	start := time.Now()
	if w.Faults.Slow > 0 && sleep(ctx, w.Faults.Slow) != nil {
		return nil
	}
	tokens, err := w.count(hard, t.split)
	if hard.Err() != nil {
		w.recount()
		return hard.Err()
	}
	if err != nil {
		return w.failed(ctx, t, err)
	}
	if len(w.held) == 0 {
		w.since = start
	}
	w.todo = w.todo[1:]
	w.held = append(w.held, t)
	w.tokens += tokens
	w.longest = max(w.longest, time.Since(start))
	w.pace(time.Since(start))
	// Without reducers each task is one call: acknowledged, and added to the sorted set.
	if t.alone || w.Job.Reducers == 0 {
		return w.commitHeld(ctx)
	}
	return nil
}

// pace adapts how many tasks are taken at once: a few small files must not cost a round trip each, and one worker must
// not sit on many large splits.
func (w *Worker) pace(took time.Duration) {
	switch {
	case took*time.Duration(w.batch) < readFor/2:
		w.batch = min(2*w.batch, readMax)
	case took*time.Duration(w.batch) > readFor:
		w.batch = max(w.batch/2, 1)
	}
}

// examine looks up what became of those who had the first task of the list before us.
func (w *Worker) examine(ctx context.Context) error {
	t := &w.todo[0]
	deaths, err := w.attempt(ctx, w.run, t.taskID, w.Consumer)
	if err != nil {
		return err
	}
	t.stolen = false
	t.alone = deaths >= aloneFrom
	if deaths >= deathLimit {
		return w.bury(ctx, *t, fmt.Sprintf("%s: %d workers died of it", t, deaths))
	}
	return nil
}

// count adds one split to the table.
func (w *Worker) count(hard context.Context, s Split) (tokens uint64, err error) {
	for part := range s.Parts() {
		n, err := w.countPart(hard, part)
		if err != nil {
			return 0, err
		}
		tokens += n
	}
	return tokens, nil
}

// reading is an input as a worker reads it: until the worker must end, and so that its heartbeat can tell whether it goes on.
type reading struct {
	input
	w    *Worker
	hard context.Context
}

func (r *reading) ReadAt(p []byte, off int64) (n int, err error) {
	if err := r.hard.Err(); err != nil {
		return 0, err
	}
	r.w.reads.next()
	n, err = r.input.ReadAt(p, off)
	r.w.Faults.at(MidCount)
	return n, err
}

// countPart adds a range of one file to the table. The file is checked once more after it was read, on the same descriptor:
// what was read is then what the manifest meant, as far as size and time can tell.
func (w *Worker) countPart(hard context.Context, s Split) (tokens uint64, err error) {
	w.reads.begin()
	defer w.reads.end()
	f := &reading{w: w, hard: hard}
	how, err := f.open(hard, s.File)
	var countErr error
	if err == nil && how == "" {
		defer f.close()
		tokens, countErr = w.countSteps(f, s)
		how, err = f.compare(s.Off+s.Len == s.Size)
	}
	path := (*fs.PathError)(nil)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %s", errUnread, plain(err))
	case how != "":
		return 0, fmt.Errorf("%w: %s: %s", errChanged, strconv.Quote(s.Path), how)
	case errors.As(countErr, &path):
		return 0, fmt.Errorf("%w: %s", errUnread, plain(countErr))
	case countErr != nil:
		return 0, fmt.Errorf("%s: %w", strconv.Quote(s.Path), countErr)
	}
	return tokens, nil
}

// countSteps adds a range of one file to the table, and packs that when it has grown too large.
func (w *Worker) countSteps(r io.ReaderAt, s Split) (tokens uint64, err error) {
	for off, end := s.Off, s.Off+s.Len; off < end; off += countStep {
		n, err := w.table.Split(r, off, min(countStep, end-off), s.Size)
		if err != nil {
			return 0, err
		}
		tokens += n
		switch {
		case w.Job.Reducers > 0 && w.full():
			w.spill()
		case w.Job.Reducers == 0 && w.table.Len() > MaxLiveWords:
			return 0, fmt.Errorf("more than %d distinct words in one task: use reducers or a split size", MaxLiveWords)
		}
	}
	return tokens, nil
}

// recount puts back what the table holds: a split that failed half-way has spoilt it.
func (w *Worker) recount() {
	held := w.held
	w.empty()
	w.todo = append(w.todo, held...)
}

// failed reports an attempt that met an error, and leaves the task for later unless that was the last try.
func (w *Worker) failed(ctx context.Context, t task, cause error) error {
	w.recount()
	if w.Trust != nil && w.Trust.Joined && stranger(cause) {
		return fmt.Errorf("%w: %w", errForeign, cause)
	}
	if errors.Is(cause, errChanged) {
		return w.bury(ctx, t, cause.Error())
	}
	standing, err := w.fail(ctx, w.run, t.stream, t.n, newNonce(), errorLimit, cause.Error())
	if err != nil {
		return err
	}
	w.todo = w.todo[1:]
	if standing == "failed" {
		w.todo = append(w.todo, t)
	} else {
		w.leases.drop(t.taskID)
	}
	return nil
}

// bury gives the first task of the list up for good.
func (w *Worker) bury(ctx context.Context, t task, cause string) error {
	if _, err := w.fail(ctx, w.run, t.stream, t.n, newNonce(), 1, cause); err != nil {
		return err
	}
	w.todo = w.todo[1:]
	w.leases.drop(t.taskID)
	return nil
}
