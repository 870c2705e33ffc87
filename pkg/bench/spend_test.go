package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// endWithin is the time that an interrupted command has to end in good order, and then the servers.
const endWithin = 2 * time.Second

// cost is what a command took.
type cost struct {
	wall time.Duration
	cpu  time.Duration // user and system, of all its processes that were waited for
	peak int64         // bytes that the largest of them had in memory
}

func (c cost) sample() sample {
	return sample{seconds: c.wall.Seconds(), memory: float64(c.peak), spent: map[string]float64{cpu: c.cpu.Seconds()}}
}

// spend runs a command, made with ctx, to its end. Meanwhile, if there is one, is called with its
// process ID and a context that ends with it. An error quotes the last lines that the command
// wrote.
//
// The command leads a process group, of which nothing is left afterwards.
func spend(ctx context.Context, cmd *exec.Cmd, meanwhile func(ctx context.Context, pid int)) (cost, error) {
	// A file and not a pipe, because Wait waits for every process that has inherited a pipe.
	output, err := os.CreateTemp("", "bench-*.log")
	if err != nil {
		return cost{}, err
	}
	defer os.Remove(output.Name())
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that only Cancel interrupts it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = endWithin

	began := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	var aside sync.WaitGroup
	running, ended := context.WithCancel(ctx)
	if meanwhile != nil {
		aside.Go(func() { meanwhile(running, cmd.Process.Pid) })
	}
	err = cmd.Wait()
	c := cost{wall: time.Since(began)}
	ended()
	aside.Wait()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		return c, errors.Join(err, lastLines(output))
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	c.peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" {
		c.peak *= 1024 // kibibytes everywhere else
	}
	return c, nil
}

// lastLines is the end of what a command wrote, as an error.
func lastLines(output *os.File) error {
	text, err := os.ReadFile(output.Name())
	if text = bytes.TrimSpace(text); err != nil || len(text) == 0 {
		return err
	}
	lines := bytes.Split(text[max(0, len(text)-1000):], []byte("\n"))
	return fmt.Errorf("its last lines: %s", bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}
