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

// roleJob is the role of a process that runs the graph of Job, with its Config as JSON on standard input. Calling a target
// by name would not do: under an import alias it has another one.
const roleJob = "job"

// A compiled magefile runs itself again as a worker, so there is one binary, wherever it was copied to.
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

// runJob is what the target run does, without Mage around it.
func runJob() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var c Config
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return fmt.Errorf("read the job's configuration: %w", err)
	}
	return depend(ctx, []mg.Fn{Job(c)})
}

// jobProcess is a job in a process of its own.
type jobProcess struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func startJob(c Config) (*jobProcess, error) {
	c.AsIs = true // the variables have had their say, and what was changed since is meant
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	j := &jobProcess{wordcount.Program(roleJob), make(chan struct{})}
	// Its result is not the caller's, so it goes where progress goes.
	j.cmd.Stdin, j.cmd.Stdout, j.cmd.Stderr = bytes.NewReader(config), os.Stderr, os.Stderr
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the caller to pass on
	if err := j.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start job: %w", err)
	}
	go func() {
		defer close(j.ended)
		j.cmd.Wait()
	}()
	return j, nil
}

// interrupt asks the job to end in good order, unless it is about to end anyway, and returns when it has.
func (j *jobProcess) interrupt() {
	select {
	case <-j.ended:
		return
	case <-time.After(time.Second): // a job that is sealed still prints its result
	}
	j.cmd.Process.Signal(os.Interrupt)
	<-j.ended
}
