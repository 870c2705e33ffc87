package wordcount

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// deathsWithoutProgress times the team's size is how many workers may die in a row with no task done in between. A
// task that kills whoever touches it is buried well before that.
const deathsWithoutProgress = 10

// restAfterRelease is how long a worker that was released is not replaced: normally the team is dismissed before.
const restAfterRelease = 500 * time.Millisecond

// stopWithin is how long workers have to leave before they are killed. Mage itself ends everything after five seconds.
const stopWithin = 2500 * time.Millisecond

// WorkerSpec is what a worker process is told, as JSON on the first line of its standard input. The rest of that input
// is its lifeline: when it ends, the supervisor is gone, and so goes the worker. A line in it is how long workers live, if
// that is news.
type WorkerSpec struct {
	Job      Job
	Consumer string
	Lease    time.Duration
	Memory   int64 // bytes that the worker may take
	Trust    Trust
	Life     time.Duration // how long workers live, in the mean; 0: none has died
	Faults   Faults
	Redis    json.RawMessage // where the server is, in the words of whoever starts the process
}

// Team keeps a number of worker processes alive until the job is sealed.
//
// Immutable after Start: the exported fields.
type Team struct {
	Size    int
	Lease   time.Duration
	Memory  int64    // bytes for each worker; 0: DefaultWorkerMemory
	Trust   Trust    // what workers may read, as Supervisor.Trust says; the zero value: nothing
	Faults  []Faults // of the first workers, in their first life
	Job     Job
	Redis   json.RawMessage
	Command func() *exec.Cmd // a new process that calls ServeWorker; it gets two arguments more, by which Folder.Worker knows it
	Log     io.Writer        // what workers write to standard error
	// Release lets the leases of a worker that ended run out, and returns how many tasks it held; nil leaves that to
	// their lease. Died tells whether it was killed or crashed.
	Release func(ctx context.Context, consumer string, died bool) (int, error)
	// Progress grows with each task done.
	Progress func() int64
	Say      func(format string, args ...any)
	// Fail is told, once, when there is no going on.
	Fail func(error)

	stop      chan struct{} // closed by Stop
	dismissed atomic.Bool   // the job is sealed: no patience
	workers   sync.WaitGroup

	mu       sync.Mutex
	living   map[int]*process // by process ID
	deaths   int              // with no progress in between
	progress int64            // at the last death
	restarts int
	started  time.Time
	told     time.Duration // the workers, of how long they live
}

// Start starts the workers; each has a goroutine of the team's that starts it again when it dies.
func (t *Team) Start(ctx context.Context) error {
	t.stop = make(chan struct{})
	t.living = map[int]*process{}
	t.started = time.Now()
	for i := range t.Size {
		spec := t.spec()
		if i < len(t.Faults) {
			spec.Faults = t.Faults[i]
		}
		w, err := t.hire(spec)
		if err != nil {
			t.Stop()
			return err
		}
		t.workers.Go(func() { t.keep(ctx, w) })
	}
	return nil
}

// spec is what a healthy worker is told. Its name must be new for each life: a process that was stopped and comes back
// must not be taken for its successor.
func (t *Team) spec() WorkerSpec {
	host, _ := os.Hostname()
	return WorkerSpec{Job: t.Job, Consumer: host + "-" + newNonce(), Lease: t.Lease, Redis: t.Redis,
		Memory: cmp.Or(t.Memory, DefaultWorkerMemory), Trust: t.Trust, Life: t.life()}
}

// life is how long workers live, in the mean, as they were told last; 0 if none has died.
func (t *Team) life() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told
}

// tell lets the workers know how long they live, if that is news. It isn't often, so the line fits into the pipe even of
// one that is stopped and reads nothing.
func (t *Team) tell() {
	life := time.Since(t.started) * time.Duration(t.Size) / time.Duration(t.restarts)
	if known := float64(t.told); known > 0 && float64(life) > known*2/3 && float64(life) < known*3/2 {
		return
	}
	t.told = life
	for _, p := range t.living {
		fmt.Fprintln(p.lifeline, life) // who can't be told has died
	}
}

// process is one life of a worker.
type process struct {
	spec     WorkerSpec
	cmd      *exec.Cmd
	lifeline io.WriteCloser
	said     *lastLine
}

func (t *Team) hire(spec WorkerSpec) (*process, error) {
	cmd := t.Command()
	cmd.Args = append(cmd.Args, title(spec.Consumer)...)
	// A group of its own: Ctrl-C at the terminal is for the supervisor, who lets the workers finish in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{spec: spec, cmd: cmd, said: &lastLine{}}
	cmd.Stderr = io.MultiWriter(t.Log, p.said)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		p.lifeline = stdin
		err = cmd.Start()
	}
	if err == nil {
		err = json.NewEncoder(stdin).Encode(spec)
	}
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	t.mu.Lock()
	t.living[cmd.Process.Pid] = p
	t.mu.Unlock()
	return p, nil
}

// keep waits for a worker, and for those that take its place, until the team is stopped.
func (t *Team) keep(ctx context.Context, p *process) {
	for {
		err := t.await(p)
		if t.stopped(0) || err == nil && t.stopped(restAfterRelease) {
			return
		}
		if err == nil {
			// It was released, and yet the job isn't sealed: a restart of Redis brought the release of an older run back.
			next, hireErr := t.hire(t.spec())
			if hireErr != nil {
				t.Fail(hireErr)
				return
			}
			p = next
			continue
		}
		held := 0
		if t.Release != nil {
			if n, releaseErr := t.Release(ctx, p.spec.Consumer, died(err)); releaseErr == nil {
				held = n
			}
		}
		if final := hopeless(err, p.said); final != nil {
			t.Fail(final)
			return
		}
		if err := t.mourn(p, err); err != nil {
			t.Fail(err)
			return
		}
		next, hireErr := t.hire(t.spec())
		if hireErr != nil {
			t.Fail(hireErr)
			return
		}
		t.Say("! worker %d %s; its %d tasks released, worker %d started", p.cmd.Process.Pid, fate(err, p.said), held, next.cmd.Process.Pid)
		p = next
	}
}

// stopped tells whether the team was stopped, or is within a time.
func (t *Team) stopped(within time.Duration) bool {
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

// await returns when the process has ended, killing it if it doesn't within stopWithin of Stop.
func (t *Team) await(p *process) error {
	ended := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		select {
		case <-ended:
			return
		case <-t.stop:
			p.lifeline.Close()
		}
		patience := stopWithin
		if t.dismissed.Load() {
			patience = 0
		}
		select {
		case <-ended:
		case <-time.After(patience):
			p.cmd.Process.Kill()
		}
	})
	err := p.cmd.Wait()
	close(ended)
	killer.Wait()
	p.lifeline.Close()
	t.mu.Lock()
	delete(t.living, p.cmd.Process.Pid)
	t.mu.Unlock()
	return err
}

// mourn counts a death, and says when there were too many in a row.
func (t *Team) mourn(p *process, cause error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restarts++
	t.tell()
	if now := t.Progress(); now != t.progress {
		t.progress, t.deaths = now, 0
	}
	t.deaths++
	if limit := deathsWithoutProgress * t.Size; t.deaths >= limit {
		return fmt.Errorf("%w: workers keep dying, %d in a row without a task done; the last one %s", ErrIncomplete, limit, fate(cause, p.said))
	}
	return nil
}

// died tells whether a process was killed, or crashed as Go programs do, with status 2; a worker that ends because there
// is no going on has another status.
func died(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == -1 || exit.ExitCode() == 2)
}

// hopeless is the error of the job if a worker ended with what another one would meet too, in that worker's words; nil if
// not.
func hopeless(err error, said *lastLine) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil
	}
	class := map[int]error{ExitRefused: ErrRedis, ExitState: ErrState, ExitForeign: ErrInput}[exit.ExitCode()]
	if class == nil {
		return nil
	}
	line := strings.TrimPrefix(said.String(), "Error: ")
	return fmt.Errorf("%w: %s", class, strings.TrimPrefix(line, class.Error()+": "))
}

// fate says how a worker ended.
func fate(err error, said *lastLine) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return "died: " + status.Signal().String()
		}
	}
	if line := said.String(); line != "" {
		return "failed: " + line
	}
	return "failed: " + err.Error()
}

// Dismiss ends the workers of a job that is sealed, and returns when all are gone. There is nothing left that they could
// give back, so they are killed: one that waits for a task would take a while to notice.
func (t *Team) Dismiss() {
	t.dismissed.Store(true)
	t.Stop()
}

// Stop ends the workers in good order, those that don't listen by force, and returns when all are gone.
func (t *Team) Stop() {
	t.mu.Lock()
	select {
	case <-t.stop:
	default:
		close(t.stop)
	}
	t.mu.Unlock()
	t.workers.Wait()
}

// PIDs returns the process IDs of the living.
func (t *Team) PIDs() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	var pids []int
	for pid := range t.living {
		pids = append(pids, pid)
	}
	return pids
}

// Restarts is how many workers were replaced.
func (t *Team) Restarts() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.restarts
}

// lastLine remembers the last line written to it.
type lastLine struct {
	mu   sync.Mutex
	line []byte
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := bytes.TrimRight(p, "\n"); len(text) > 0 {
		l.line = append(l.line[:0], text[bytes.LastIndexByte(text, '\n')+1:]...)
	}
	return len(p), nil
}

func (l *lastLine) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.line)
}
