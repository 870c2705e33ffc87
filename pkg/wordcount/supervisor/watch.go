package supervisor

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

const (
	watchEvery = 20 * time.Millisecond // how often the job is looked at
	tellEvery  = 3 * time.Second       // a dead worker's tasks are taken over one by one, and are told of together
	stuckMax   = 20                    // looks in a row at a job that can't go on; one would do, unless somebody meddles just now
)

// watch looks at a job, and brings it back after whatever Redis suffers.
//
// Immutable: all fields down to seen. progress, redone and restarts may be read at any time. All else belongs to the
// goroutine that is in until, and is kept when the watch is left and entered again.
type watch struct {
	home   home
	seeder *seeder
	events Events
	seen   func(protocol.Status) // may be nil

	progress atomic.Int64 // tasks done or buried, as last seen
	redone   atomic.Int64 // tasks taken from workers, each once, and tasks that rollbacks took back
	restarts atomic.Int64 // of Redis

	budget   budget
	last     lastSeen
	troubles troubles
	stuck    int // looks in a row at which the job couldn't go on
}

// lastSeen is what the watch knows from its last look.
type lastSeen struct {
	life    string // of the server, now; "" while it is out of reach
	earlier string // its life before, or this one before it was out of reach
	status  protocol.Status
	mending bool
	left    int // tasks done, the least that was seen while mending
}

// troubles tells people how often tasks were taken over or failed.
type troubles struct {
	told int
	at   time.Time
}

// until is Watch.
func (w *watch) until(ctx context.Context, wanted func(protocol.Status) bool) (protocol.Status, error) {
	var backoff retry.Backoff
	for {
		st, life, err := w.home.observe(ctx)
		if err != nil && ctx.Err() != nil {
			return protocol.Status{}, context.Cause(ctx)
		}
		if err != nil && !protocol.Transient(err) && !errors.Is(err, protocol.ErrNoJob) {
			return protocol.Status{}, err
		}
		if err != nil || w.lost(st, life) {
			if late := backoff.Wait(ctx); late != nil {
				return protocol.Status{}, retry.Unreachable(late, err)
			}
			if err := w.recover(ctx); err != nil && !protocol.Transient(err) {
				return protocol.Status{}, err
			}
			continue
		}
		backoff.Reset()
		w.report(st, life)
		if wanted(st) {
			return st, nil
		}
		if err := w.canGoOn(ctx, st); err != nil {
			return protocol.Status{}, err
		}
		if err := retry.Sleep(ctx, watchEvery); err != nil {
			return protocol.Status{}, err
		}
	}
}

// lost reports whether the server may have lost what we had brought to it.
func (w *watch) lost(st protocol.Status, life string) bool {
	return w.last.life != "" && life != w.last.life || st.Run != w.seeder.run() || st.Seeded < len(w.seeder.splits)
}

// recover brings back the server and the tasks. In between it looks at what is left, because the workers lose no time.
func (w *watch) recover(ctx context.Context) error {
	if !w.last.mending {
		w.last.left = w.last.status.Done()
	}
	w.last.earlier, w.last.life, w.last.mending = cmp.Or(w.last.life, w.last.earlier), "", true
	if err := retry.Revive(ctx, w.seeder.revive); err != nil {
		return err
	}
	switch st, err := w.home.client.Status(ctx); {
	case errors.Is(err, protocol.ErrNoJob), err == nil && st.Run != w.seeder.run():
		w.last.left = 0
	case err == nil:
		w.last.left = min(w.last.left, st.Done())
	}
	return w.seeder.seed(ctx)
}

// report notes what was seen, and tells people what is new in it.
func (w *watch) report(st protocol.Status, life string) {
	before, left := w.last, st.Done()
	if before.mending {
		left = min(left, before.left)
	}
	lost := max(0, before.status.Done()-left)
	w.redone.Add(int64(lost + max(0, st.Taken-before.status.Taken)))
	switch {
	case before.mending && life != before.earlier:
		w.restarts.Add(1)
		w.events.warn("redis is back: %d of %d maps, %d of %d reduces done; %d to redo",
			st.Mapped, st.Maps, st.Reduced, st.Reducers, lost)
	case lost > 0:
		w.events.warn("redis has lost some of its data: %d tasks to redo", lost)
	case before.mending:
		w.events.warn("redis answers again")
	}
	if before.status.Run == "" {
		w.troubles.told = st.Troubles // of an earlier supervisor's time
	}
	if more := st.Troubles - w.troubles.told; more > 0 && time.Since(w.troubles.at) > tellEvery {
		w.events.warn("%d more times a task was taken over from a worker that died or fell silent, or failed", more)
		w.troubles = troubles{st.Troubles, time.Now()}
	}
	w.last.life, w.last.status, w.last.mending = life, st, false
	w.progress.Store(int64(st.Mapped + st.Reduced + st.Buried))
	if w.seen != nil {
		w.seen(st)
	}
}

// canGoOn returns an error if the job can't go on, or may not.
func (w *watch) canGoOn(ctx context.Context, st protocol.Status) error {
	if !st.Stuck() {
		w.stuck = 0
	} else if w.stuck++; w.stuck > stuckMax {
		return protocol.Damaged("with %d of %d maps and %d of %d partitions done, the job has no task left that somebody could do",
			st.Mapped, st.Maps, st.Reduced, st.Reducers)
	}
	return w.budget.check(ctx)
}
