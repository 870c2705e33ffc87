package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// process is a process of a trial. It moves only while the lab waits for it.
type process struct {
	trial  *trial
	name   string
	cmd    *exec.Cmd
	orders io.WriteCloser // its standard input
	points *bufio.Scanner // its standard output: a line for each point that it comes to
	said   *strings.Builder
	stands bool // at a point
	gone   bool
}

// start starts a process that runs a program, and doesn't wait for it. It is killed when the trial
// ends, at the latest.
func (t *trial) start(program, name string) *process {
	p := &process{trial: t, name: name, gone: true, said: &strings.Builder{}}
	if t.err != nil {
		return p
	}
	p.cmd = wordcount.Program(role)
	p.cmd.Stderr = p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is for the lab alone
	told, err := json.Marshal(instructions{Program: program, Name: name, Server: t.world.server.Endpoint(), Job: t.world.job.Job, Tasks: t.world.tasks})
	if err == nil {
		p.orders, err = p.cmd.StdinPipe()
	}
	var out io.Reader
	if err == nil {
		out, err = p.cmd.StdoutPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.fail(fmt.Errorf("start %s: %w", name, err))
		return p
	}
	p.gone, p.points = false, bufio.NewScanner(out)
	t.processes = append(t.processes, p)
	if _, err := p.orders.Write(append(told, '\n')); err != nil {
		t.fail(fmt.Errorf("tell %s what to do: %w", name, err))
	}
	return p
}

// next lets the process go on, and returns the point that it comes to, or "" if it has left.
func (p *process) next() (point string) {
	if p.trial.err != nil || p.gone {
		return ""
	}
	if p.stands {
		p.stands = false
		if _, err := p.orders.Write([]byte{'\n'}); err != nil {
			p.trial.fail(fmt.Errorf("let %s go on: %w", p.name, err))
			return ""
		}
	}
	// If the lab is interrupted, the process must not keep it waiting.
	stop := context.AfterFunc(p.trial.ctx, func() { p.cmd.Process.Kill() })
	defer stop()
	if p.points.Scan() {
		p.stands = true
		return p.points.Text()
	}
	p.gone = true
	err := p.cmd.Wait()
	if p.trial.ctx.Err() != nil {
		err = context.Cause(p.trial.ctx)
	} else if err != nil {
		err = fmt.Errorf("%s: %w: %s", p.name, err, strings.TrimSpace(p.said.String()))
	}
	p.trial.fail(err)
	return ""
}

// reach lets the process go on until it comes to a point for the nth time from now on, and stands
// there.
func (p *process) reach(point string, nth int) *process {
	for nth > 0 && p.trial.err == nil {
		if p.next() == point {
			nth--
		}
		if p.gone {
			p.trial.fail(fmt.Errorf("%s has left, and never came to the point %q", p.name, point))
		}
	}
	return p
}

// rest lets the process go on until it has nothing to do, or has left.
func (p *process) rest() {
	for p.trial.err == nil && !p.gone && p.next() != idle {
	}
}

// leave lets the process go on until it leaves by itself.
func (p *process) leave() {
	for p.trial.err == nil && !p.gone {
		p.next()
	}
}

// kill ends the process with SIGKILL, wherever it is.
func (p *process) kill() {
	if p.gone {
		return
	}
	p.gone = true
	err := p.cmd.Process.Kill()
	var died *exec.ExitError
	if late := p.cmd.Wait(); err == nil && !errors.As(late, &died) {
		err = fmt.Errorf("%s was killed, and has ended with %w", p.name, late)
	}
	p.trial.fail(err)
}
