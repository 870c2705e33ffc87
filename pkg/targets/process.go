package targets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// roleJob is the role of a process that runs the graph of Job. The process reads its Config as JSON
// from standard input. It doesn't call a target by name, because a target has another name under an
// import alias.
const roleJob = "job"

// A compiled magefile starts itself again as a worker. So one binary is enough, and it may be
// copied anywhere.
func init() {
	wordcount.Main()
	if wordcount.Role() == roleJob {
		err := runJob()
		exit(err, mg.ExitStatus(err))
	}
}

func exit(err error, status int) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", plainError{err})
	}
	os.Exit(status)
}

// runJob does what the target run does, without Mage.
func runJob() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var c Config
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return fmt.Errorf("read the job's configuration: %w", err)
	}
	return depend(ctx, []mg.Fn{Job(c)})
}

// jobProcess is a process that runs a job.
type jobProcess struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func startJob(c Config) (*jobProcess, error) {
	c.AsIs = true // the variables are applied already, and must not undo later changes
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	j := &jobProcess{wordcount.Program(roleJob), make(chan struct{})}
	// The job's result is not the caller's result, so it goes to standard error, like progress.
	j.cmd.Stdin, j.cmd.Stdout, j.cmd.Stderr = bytes.NewReader(config), os.Stderr, os.Stderr
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the caller passes Ctrl-C on
	if err := j.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start job: %w", err)
	}
	go func() {
		defer close(j.ended)
		j.cmd.Wait()
	}()
	return j, nil
}

// interrupt waits a second for the job to end, then asks it to end, and returns when it has ended.
func (j *jobProcess) interrupt() {
	select {
	case <-j.ended:
		return
	case <-time.After(time.Second): // a job that is sealed still prints its result
	}
	j.cmd.Process.Signal(os.Interrupt)
	<-j.ended
}
