package pool

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// deathsWithoutProgress times the size of the pool is how many workers may die in a row without a
// task done in between. A task that kills every worker is buried well before that.
const deathsWithoutProgress = 10

// restAfterDismissal is how long the pool waits before it replaces a worker that was dismissed.
// Normally the pool ends before that.
const restAfterDismissal = 500 * time.Millisecond

// Pool keeps a number of worker processes alive until the job is sealed.
//
// Immutable after Start: the exported fields. mu guards living, left and toll.
type Pool struct {
	Size   int
	Worker worker.Spec     // what each worker is told; the pool sets Consumer, Faults and Life
	Faults []worker.Faults // of the first workers, in their first life only
	// Command returns a new process that calls worker.Serve. The pool adds two arguments, which
	// mark the process for state.Folder.Worker.
	Command func() *exec.Cmd
	Log     io.Writer // gets what workers write to standard error
	// Release lets the leases of an ended worker run out at once, and returns how many tasks it
	// held. If Release is nil, the leases run out by themselves. died says whether the worker was
	// killed or crashed.
	Release func(ctx context.Context, consumer string, died bool) (int, error)
	// Progress grows with each task done.
	Progress func() int64
	Events   event.Receiver
	// Deserted returns when no worker of any host works on the job. Once the workers of this pool
	// have left because this host can't use the store, the job fails when Deserted returns. If
	// Deserted is nil, the job fails as soon as one of them has left.
	Deserted func(ctx context.Context) error
	// Fail is called with the error of a job that can't go on. It may be called more than once.
	Fail func(error)

	stop      chan struct{} // closed by Stop
	dismissed atomic.Bool   // the job is sealed: workers are killed at once
	keepers   sync.WaitGroup

	mu     sync.Mutex
	living map[int]*process // by process ID
	left   int              // workers that left because this host can't use the store
	toll   toll
}

// toll is what a pool knows about the deaths of its workers.
type toll struct {
	began    time.Time
	restarts int
	inARow   int           // deaths without progress in between
	progress int64         // at the last death
	told     time.Duration // the mean lifetime that workers were last told; 0: no worker has died
}

// Start starts the workers. Each one has a goroutine that replaces it when it dies.
func (t *Pool) Start(ctx context.Context) error {
	t.stop = make(chan struct{})
	t.living = map[int]*process{}
	t.toll.began = time.Now()
	for i := range t.Size {
		spec := t.spec()
		if i < len(t.Faults) {
			spec.Faults = t.Faults[i]
		}
		p, err := t.spawn(spec, i+1)
		if err != nil {
			t.Stop()
			return err
		}
		t.keepers.Go(func() { t.keep(ctx, p) })
	}
	return nil
}

// spec returns what a worker without faults is told. Each life has a new name, because a process
// that was stopped and then continues must not be mistaken for its replacement.
func (t *Pool) spec() worker.Spec {
	t.mu.Lock()
	defer t.mu.Unlock()
	spec := t.Worker
	spec.Consumer, spec.Life = worker.NewName(), t.toll.told
	return spec
}

// spawn starts a worker in a slot of the pool, from 1. A replacement is in the slot of the worker that
// it replaces.
func (t *Pool) spawn(spec worker.Spec, slot int) (*process, error) {
	p, err := startProcess(t.Command(), spec, t.Log)
	if err != nil {
		return nil, err
	}
	p.slot = slot
	t.Events.Write(event.Start, p.attrs()...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.living[p.pid()] = p
	return p, nil
}

// keep waits for a worker, and then for each of its replacements, until the pool is stopped.
func (t *Pool) keep(ctx context.Context, p *process) {
	for {
		next, err := t.replace(ctx, p)
		if err != nil {
			t.Fail(err)
		}
		if next == nil {
			return
		}
		p = next
	}
}

// replace waits until a worker ends, and starts another one in its place. It returns nil if no
// worker should replace it.
func (t *Pool) replace(ctx context.Context, p *process) (*process, error) {
	ended := p.wait(t.stop, t.patience)
	t.bury(p)
	switch {
	case t.stopped(0), ended == nil && t.stopped(restAfterDismissal):
		t.Events.Write(event.Leave, p.attrs()...)
		return nil, nil
	case ended == nil:
		// The worker was dismissed, but the job isn't sealed. A restart of Redis brought back the
		// dismissal of an older run.
		t.Events.Write(event.Leave, p.attrs()...)
		return t.spawn(t.spec(), p.slot)
	}
	t.Events.Write(event.Death, append(p.attrs(), slog.String("why", exitReason(ended, p.said)))...)
	held := 0
	if t.Release != nil {
		// If this fails, the leases run out by themselves.
		held, _ = t.Release(ctx, p.spec.Consumer, died(ended))
	}
	if err := fatalExit(ended, p.said); err != nil {
		if lacksStore(ended) && t.Deserted != nil {
			err = t.leave(ctx, err)
		}
		return nil, err
	}
	if err := t.recordExit(p, ended); err != nil {
		return nil, err
	}
	next, err := t.spawn(t.spec(), p.slot)
	if err == nil {
		t.Events.Warn("worker %d %s; %s released, worker %d started", p.pid(), exitReason(ended, p.said), english.Plural(held, "task", ""), next.pid())
	}
	return next, err
}

// stopped reports whether the pool is stopped now, or will be before the given time has passed.
func (t *Pool) stopped(within time.Duration) bool {
	select {
	case <-t.stop:
		return true
	default:
	}
	if within == 0 {
		return false
	}
	select {
	case <-t.stop:
		return true
	case <-time.After(within):
		return false
	}
}

// patience is how long a worker may take to leave.
func (t *Pool) patience() time.Duration {
	if t.dismissed.Load() {
		return 0
	}
	return worker.StopWithin
}

// bury removes a process that has ended.
func (t *Pool) bury(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.living, p.pid())
}

// recordExit counts a death, and tells the workers how long workers live. It returns an error if
// too many workers died in a row.
func (t *Pool) recordExit(p *process, cause error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	toll := &t.toll
	toll.restarts++
	// The lifetime is sent only when it has changed much. So the line fits into the pipe of a
	// worker even if that worker is stopped and reads nothing.
	life := time.Since(toll.began) * time.Duration(t.Size) / time.Duration(toll.restarts)
	if known := float64(toll.told); known == 0 || float64(life) <= known*2/3 || float64(life) >= known*3/2 {
		toll.told = life
		for _, p := range t.living {
			p.tell(life)
		}
	}
	if now := t.Progress(); now != toll.progress {
		toll.progress, toll.inARow = now, 0
	}
	toll.inARow++
	if limit := deathsWithoutProgress * t.Size; toll.inARow >= limit {
		return fmt.Errorf("%w: workers keep dying, %d in a row without a task done; the last one %s",
			protocol.ErrIncomplete, limit, exitReason(cause, p.said))
	}
	return nil
}

// Dismiss kills the workers of a sealed job, and returns when all have ended. They hold nothing
// that they could give back, and a worker that waits for a task would take a while to notice the
// end.
func (t *Pool) Dismiss() {
	t.dismissed.Store(true)
	t.Stop()
}

// Stop lets the workers leave in good order, and kills those that don't leave within
// worker.StopWithin. It returns when all have ended.
func (t *Pool) Stop() {
	t.mu.Lock()
	select {
	case <-t.stop:
	default:
		close(t.stop)
	}
	t.mu.Unlock()
	t.keepers.Wait()
}

// Living returns the number of workers that live.
func (t *Pool) Living() int { return len(t.PIDs()) }

// PIDs returns the process IDs of the living workers.
func (t *Pool) PIDs() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.living))
}

// Restarts returns how many workers were replaced.
func (t *Pool) Restarts() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.toll.restarts
}
