package pool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// process is one life of a worker process.
type process struct {
	spec     worker.Spec
	cmd      *exec.Cmd
	lifeline io.WriteCloser // the process ends when this does
	said     *lastLine      // on its standard error
	slot     int            // of the pool, from 1
}

// startProcess starts a worker and tells it what to do. Its standard error also goes to log.
func startProcess(cmd *exec.Cmd, spec worker.Spec, log io.Writer) (*process, error) {
	cmd.Args = append(cmd.Args, state.WorkerTitle(spec.Consumer)...)
	// The worker gets a process group of its own. Then Ctrl-C at the terminal reaches only the
	// supervisor, which lets the workers finish in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{spec: spec, cmd: cmd, said: &lastLine{}}
	cmd.Stderr = io.MultiWriter(log, p.said)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		p.lifeline = stdin
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	// A worker that has died by now can't read this. The pool notices its death like any other.
	json.NewEncoder(stdin).Encode(spec)
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// attrs are what an event of the journal says about the process.
func (p *process) attrs() []slog.Attr {
	return []slog.Attr{slog.String("worker", p.spec.Consumer), slog.Int("pid", p.pid()), slog.Int("slot", p.slot)}
}

// tell lets the worker know how long workers live. A worker that has died can't be told.
func (p *process) tell(life time.Duration) { fmt.Fprintln(p.lifeline, life) }

// wait waits for the end of the process, and returns how it ended. When stop is closed, wait closes
// the lifeline, and it kills a process that is still there after patience.
func (p *process) wait(stop <-chan struct{}, patience func() time.Duration) error {
	ended := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		select {
		case <-ended:
			return
		case <-stop:
			p.lifeline.Close()
		}
		select {
		case <-ended:
		case <-time.After(patience()):
			p.cmd.Process.Kill()
		}
	})
	err := p.cmd.Wait()
	close(ended)
	killer.Wait()
	p.lifeline.Close()
	return err
}

// died reports whether a process was killed, or crashed as Go programs do, with status 2. A worker
// that ends with an error has another status.
func died(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == -1 || exit.ExitCode() == 2)
}

// fatalExit returns the error of the job if any other worker would fail the same way as this one.
// The error has the worker's own words. fatalExit returns nil if another worker may succeed.
func fatalExit(err error, said *lastLine) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil
	}
	class := map[int]error{
		worker.ExitRefused: protocol.ErrRedis, worker.ExitState: protocol.ErrState, worker.ExitForeign: protocol.ErrInput,
		worker.ExitBudget: protocol.ErrBudget, worker.ExitStore: protocol.ErrIncomplete,
	}[exit.ExitCode()]
	if class == nil {
		return nil
	}
	line := strings.TrimPrefix(said.String(), "Error: ")
	return fmt.Errorf("%w: %s", class, strings.TrimPrefix(line, class.Error()+": "))
}

// exitReason describes how a worker ended.
func exitReason(err error, said *lastLine) string {
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
