package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a process that runs the job.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts the job anew, in a process of its own, and returns when its supervisor works. It
// deletes the old job first, because a sealed job is up to date and would end at once. It also
// deletes the checkpoints that the server keeps, because a fault must not restore one of the old
// job.
func (e *Experiment) Start(ctx context.Context) error {
	if err := e.Histories.next(); err != nil {
		return err
	}
	if err := e.Job.Clean(ctx, e.Cleaned); err != nil {
		return err
	}
	if err := e.Job.Plan(ctx); err != nil {
		return err
	}
	if err := e.run(ctx); err != nil {
		return err
	}
	return e.dropCheckpoints(ctx)
}

// dropCheckpoints deletes all checkpoints but the last one, which lacks the old job.
func (e *Experiment) dropCheckpoints(ctx context.Context) error {
	_, server, err := e.Job.Redis(ctx)
	if err != nil || !server.Owned() {
		return err
	}
	kept, err := server.Kept()
	for _, path := range kept {
		if gone := os.Remove(path); !errors.Is(gone, fs.ErrNotExist) { // the server keeps only a few
			err = errors.Join(err, gone)
		}
	}
	return err
}

// End ends the processes that still run the job.
func (e *Experiment) End() {
	for _, p := range e.started {
		p.interrupt()
	}
	e.started = nil
}

// resume runs the job again.
func (e *Experiment) resume(ctx context.Context) error {
	if err := e.run(ctx); !errors.Is(err, ErrSealed) { // sealed: nothing was left to resume
		return err
	}
	return nil
}

// run runs the job in a process of its own, and returns when its supervisor works.
func (e *Experiment) run(ctx context.Context) error {
	p, err := e.launch()
	if err != nil {
		return err
	}
	return e.Await(ctx, p.ended)
}

// launch runs the job in a process of its own. End ends that process.
func (e *Experiment) launch() (*process, error) {
	cmd, err := e.Command()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the caller passes Ctrl-C on
	cmd.Env = append(cmd.Environ(), e.Histories.environment()...)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start job: %w", err)
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		defer close(p.ended)
		cmd.Wait()
	}()
	e.started = append(e.started, p)
	return p, nil
}

// interrupt waits a second for the job to end, then asks it to end, and returns when it has ended.
func (p *process) interrupt() {
	select {
	case <-p.ended:
		return
	case <-time.After(time.Second): // a job that is sealed still prints its result
	}
	p.cmd.Process.Signal(os.Interrupt)
	<-p.ended
}
