package supervisor

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// deathsWithoutProgress times the pool's size is how many workers may die in a row with no task done
// in between. A task that kills every worker that touches it is buried well before that.
const deathsWithoutProgress = 10

// restAfterDismissal is how long a worker that was dismissed is not replaced: normally the pool ends
// before.
const restAfterDismissal = 500 * time.Millisecond

// Pool keeps a number of worker processes alive until the job is sealed.
//
// Immutable after Start: the exported fields. mu guards living and toll.
type Pool struct {
	Size    int
	Worker  worker.Spec      // what each worker is told; its Consumer, Faults and Life are the pool's to set
	Faults  []worker.Faults  // of the first workers, in their first life
	Command func() *exec.Cmd // a new process that calls worker.Serve; two more arguments mark it for state.Folder.Worker
	Log     io.Writer        // what workers write to standard error
	// Release lets the leases of a worker that ended run out, and returns how many tasks it held. nil leaves that to
	// their lease. died says whether the worker was killed or crashed.
	Release func(ctx context.Context, consumer string, died bool) (int, error)
	// Progress grows with each task done.
	Progress func() int64
	Events   Events
	// Fail is told when there is no going on. It may be told more than once.
	Fail func(error)

	stop      chan struct{} // closed by Stop
	dismissed atomic.Bool   // the job is sealed: no patience
	keepers   sync.WaitGroup

	mu     sync.Mutex
	living map[int]*process // by process ID
	toll   toll
}

// toll is what a pool knows of its workers' deaths.
type toll struct {
	began    time.Time
	restarts int
	inARow   int           // deaths with no progress in between
	progress int64         // at the last death
	told     time.Duration // the mean lifetime that workers were told last; 0: none has died
}

// Start starts the workers. Each has a goroutine that starts it again when it dies.
func (t *Pool) Start(ctx context.Context) error {
	t.stop = make(chan struct{})
	t.living = map[int]*process{}
	t.toll.began = time.Now()
	for i := range t.Size {
		spec := t.spec()
		if i < len(t.Faults) {
			spec.Faults = t.Faults[i]
		}
		p, err := t.spawn(spec)
		if err != nil {
			t.Stop()
			return err
		}
		t.keepers.Go(func() { t.keep(ctx, p) })
	}
	return nil
}

// spec is what a healthy worker is told. Its name is new for each life: a process that was stopped and goes on must not
// be taken for its successor.
func (t *Pool) spec() worker.Spec {
	t.mu.Lock()
	defer t.mu.Unlock()
	spec := t.Worker
	spec.Consumer, spec.Life = worker.NewName(), t.toll.told
	return spec
}

func (t *Pool) spawn(spec worker.Spec) (*process, error) {
	p, err := startProcess(t.Command(), spec, t.Log)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.living[p.pid()] = p
	return p, nil
}

// keep waits for a worker, and for those that take its place, until the pool is stopped.
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

// replace waits for a worker to end, and starts another one in its place. It returns nil when there is none to start.
func (t *Pool) replace(ctx context.Context, p *process) (*process, error) {
	ended := p.wait(t.stop, t.patience)
	t.bury(p)
	switch {
	case t.stopped(0), ended == nil && t.stopped(restAfterDismissal):
		return nil, nil
	case ended == nil:
		// It was dismissed, and yet the job isn't sealed: a restart of Redis brought the dismissal of an older run back.
		return t.spawn(t.spec())
	}
	held := 0
	if t.Release != nil {
		held, _ = t.Release(ctx, p.spec.Consumer, died(ended)) // else its leases run out by themselves
	}
	if err := fatalExit(ended, p.said); err != nil {
		return nil, err
	}
	if err := t.recordExit(p, ended); err != nil {
		return nil, err
	}
	next, err := t.spawn(t.spec())
	if err == nil {
		t.Events.warn("worker %d %s; its %d tasks released, worker %d started", p.pid(), exitReason(ended, p.said), held, next.pid())
	}
	return next, err
}

// stopped reports whether the pool was stopped, or is within a time.
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

func (t *Pool) bury(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.living, p.pid())
}

// recordExit counts a death, tells the workers how long they live, and returns an error when too many died in a row.
func (t *Pool) recordExit(p *process, cause error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	toll := &t.toll
	toll.restarts++
	// It isn't news often, so the line fits into the pipe even of a worker that is stopped and reads nothing.
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

// Dismiss ends the workers of a job that is sealed, and returns when all are gone. They hold nothing that they could give
// back, so they are killed: a worker that waits for a task would take a while to notice.
func (t *Pool) Dismiss() {
	t.dismissed.Store(true)
	t.Stop()
}

// Stop lets the workers leave in good order, kills those that don't, and returns when all are gone.
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

// Living is how many workers live.
func (t *Pool) Living() int { return len(t.PIDs()) }

// PIDs returns the process IDs of the living.
func (t *Pool) PIDs() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.living))
}

// Restarts is how many workers were replaced.
func (t *Pool) Restarts() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.toll.restarts
}
