package supervisor

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/relay"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// The time between two samples is a part of the time that the watch has taken.
const (
	sampleEvery = 100 * time.Millisecond // at least
	samplePart  = 500
)

const (
	// tellEvery is the least time between two reports of troubles. The tasks of a dead worker are
	// taken over one by one, and are reported together.
	tellEvery = 3 * time.Second
	// stuckMax is how many looks in a row may find a job that can't go on. One look is proof
	// enough, unless another program changes the job at that moment.
	stuckMax = 20
)

// watch watches a job, and restores it after Redis has lost something.
//
// Immutable: home to seen. Any goroutine may use progress to released. Everything else
// belongs to the goroutine that runs until, and stays as it is when until returns and is called
// again.
type watch struct {
	home   home
	seeder *seeder
	events event.Receiver
	seen   func(protocol.Status) // may be nil

	progress atomic.Int64 // tasks that are done or buried, as last seen
	redone   atomic.Int64 // tasks taken from workers, each once, and tasks that rollbacks undid
	restarts atomic.Int64 // restarts of Redis
	released released

	began    time.Time // the first look
	budget   budget
	expiry   *expiry
	last     lastSeen
	troubles troubles
	waiting  waiting
	joined   *relay.Listener // nil: this supervisor doesn't lead, or nobody wants the events of others
	stuck    int             // looks in a row that found a job that can't go on
}

// lastSeen is what the watch knows from its last look.
type lastSeen struct {
	life    string // the server's run_id; "" while the server can't be reached
	earlier string // the last life that was seen before mending
	status  protocol.Status
	mending bool // the server and the tasks are being brought back
	left    int  // the least number of done tasks that was seen while mending
	sampled time.Time
}

// troubles remembers how many troubles were reported. A trouble is a task that was taken over or
// failed.
type troubles struct {
	told int
	at   time.Time
}

// released counts the tasks of workers that died and were released. The caller of Release tells
// people of them.
type released struct {
	underWay atomic.Int64 // releases whose tasks aren't counted yet
	tasks    atomic.Int64
}

// until implements Supervisor.Watch.
func (w *watch) until(ctx context.Context, wanted func(protocol.Status) bool) (protocol.Status, error) {
	if w.began.IsZero() {
		w.began = time.Now()
	}
	var backoff retry.Backoff
	for {
		st, at, err := w.home.observe(ctx)
		if err != nil && ctx.Err() != nil {
			return protocol.Status{}, context.Cause(ctx)
		}
		if err != nil && !protocol.Transient(err) && !errors.Is(err, protocol.ErrNoJob) {
			return protocol.Status{}, err
		}
		if err != nil || w.lost(st, at.life) {
			if late := backoff.Wait(ctx); late != nil {
				return protocol.Status{}, retry.Unreachable(late, err)
			}
			switch err := w.recover(ctx); {
			case ctx.Err() != nil: // the error is only a consequence
				return protocol.Status{}, context.Cause(ctx)
			case err != nil && !protocol.Transient(err):
				return protocol.Status{}, err
			}
			continue
		}
		backoff.Reset()
		w.report(st, at)
		w.joined.Hear(ctx, at.life)
		w.expiry.keep(ctx)
		if st.Phase != protocol.Done {
			w.seeder.place.Restore(ctx, st.Run)
		}
		// Hosts that join count what the job says of itself.
		if told, planned := st.Counting, w.seeder.client.Job.Counting; told != planned {
			return protocol.Status{}, protocol.Damaged("it says that it counts %q, and it was planned to count %q", told, planned)
		}
		if wanted(st) {
			return st, nil
		}
		if err := w.canGoOn(ctx, st); err != nil {
			return protocol.Status{}, err
		}
		if err := w.awaitNextLook(ctx, st); err != nil {
			return protocol.Status{}, err
		}
	}
}

// lost reports whether the server may have lost what this supervisor wrote to it.
func (w *watch) lost(st protocol.Status, life string) bool {
	return w.last.life != "" && life != w.last.life || st.Run != w.seeder.run() || st.Seeded < len(w.seeder.splits)
}

// recover brings back the server and the tasks. Before it seeds, it looks at how many done tasks
// are left, because the workers start to redo the others at once.
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

// report records what was seen, and tells people what is new in it.
func (w *watch) report(st protocol.Status, at server) {
	life := at.life
	before, left := w.last, st.Done()
	if before.mending {
		left = min(left, before.left)
	}
	revoked := max(0, st.Revoked-before.status.Revoked)
	if before.status.Run != st.Run {
		revoked = 0
	}
	lost := max(0, before.status.Done()-left-revoked)
	w.countRedone(st, lost+revoked)
	w.sample(st, at)
	if revoked > 0 {
		w.events.Warn("map outputs were lost: %d tasks to redo", revoked)
	}
	switch {
	case before.mending && life != before.earlier:
		w.restarts.Add(1)
		w.events.Write(event.Restart, slog.String("life", life), slog.Int("lost", lost))
		w.events.Warn("redis is back: %d of %d maps, %d of %d reduces done; %d to redo",
			st.Mapped, st.Maps, st.Reduced, st.Reducers, lost)
	case lost > 0:
		w.events.Write(event.Rollback, slog.Int("lost", lost))
		w.events.Warn("redis has lost some of its data: %d tasks to redo", lost)
	case before.mending:
		w.events.Warn("redis answers again")
	}
	if before.status.Run == "" {
		w.troubles.told = st.Troubles // an earlier supervisor has reported these
	}
	if more := w.untold(st); more > 0 && time.Since(w.troubles.at) > tellEvery {
		w.events.Warn("%d more times a task was taken over from a worker that died or fell silent, or failed", more)
		w.troubles = troubles{w.troubles.told + more, time.Now()}
	}
	w.waiting.report(st, w.events)
	w.last.life, w.last.status, w.last.mending = life, st, false
	w.progress.Store(int64(st.Mapped + st.Reduced + st.Buried))
	if w.seen != nil {
		w.seen(st)
	}
}

// sample writes down how far the job is, and each of its phases. A long job has not many more samples
// than a short one.
func (w *watch) sample(st protocol.Status, at server) {
	changed := st.Phase != w.last.status.Phase
	if changed {
		w.events.Write(event.Phase, slog.String("phase", string(st.Phase)))
	}
	now := time.Now()
	if every := max(sampleEvery, now.Sub(w.began)/samplePart); !changed && now.Sub(w.last.sampled) < every {
		return
	}
	w.last.sampled = now
	w.events.Write(event.Sample, slog.Int64("bytes", st.Bytes), slog.Int("mapped", st.Mapped), slog.Int("reduced", st.Reduced),
		slog.Int64("memory", at.memory))
}

// untold returns how many troubles nobody has told people of.
func (w *watch) untold(st protocol.Status) int {
	if w.released.underWay.Load() > 0 {
		return 0 // it isn't known yet
	}
	return st.Troubles - w.troubles.told - int(w.released.tasks.Load())
}

// countRedone adds the tasks that were lost, and those that were taken from workers since the last
// look. What it comes to stays in the folder for the next supervisor.
func (w *watch) countRedone(st protocol.Status, lost int) {
	job, taken := w.home.client.Job.ID, w.last.status.Taken
	if w.last.status.Run == "" {
		earlier := w.seeder.folder.Redone(job, st.Run)
		w.redone.Add(int64(earlier.Tasks))
		taken = earlier.Taken
	}
	again := lost + max(0, st.Taken-taken)
	if again == 0 {
		return
	}
	all := w.redone.Add(int64(again))
	// If this fails, only a number for people is too small.
	w.seeder.folder.SetRedone(job, state.Redone{Run: st.Run, Tasks: int(all), Taken: st.Taken})
}

// startOver notes that this supervisor has deleted the job, so that nobody is told that Redis has lost
// it. All that was done is to be done again.
func (w *watch) startOver() {
	w.countRedone(w.last.status, w.last.status.Done())
	w.last.status.Mapped, w.last.status.Reduced, w.last.status.Revoked, w.last.status.Taken = 0, 0, 0, 0
}

// canGoOn returns an error if the job can't go on, or exceeds its budget.
func (w *watch) canGoOn(ctx context.Context, st protocol.Status) error {
	if !st.Stuck() {
		w.stuck = 0
	} else if w.stuck++; w.stuck > stuckMax {
		return protocol.Damaged("with %d of %d maps and %d of %d partitions done, the job has no task left that a worker could do",
			st.Mapped, st.Maps, st.Reduced, st.Reducers)
	}
	return w.budget.check(ctx)
}
