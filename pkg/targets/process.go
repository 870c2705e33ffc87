package targets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets/graph"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

// roleJob is the role of a process that runs the graph of Job. The process reads its Config as JSON
// from standard input. It doesn't call a target by name, because a target has another name under an
// import alias.
const roleJob = "job"

// A compiled magefile starts itself again as a worker. So one binary is enough, and it may be
// copied anywhere.
//
// This runs before the init functions of the magefile. So a process that needs a function of it waits
// until one of them registers the function. If none does, Mage comes next, and says that it doesn't
// know this target.
func init() {
	name := wordcount.Function()
	if wordcount.Role() == "" || name == "" {
		serve()
		return
	}
	words.Await(name, serve)
	os.Args = []string{os.Args[0], fmt.Sprintf("no init function of the magefile calls words.Register(%q)", name)}
}

// serve does what the role of this process says, if it has one, and doesn't return then.
func serve() {
	wordcount.Main()
	if wordcount.Role() == roleJob {
		err := runJob()
		exit(err, mg.ExitStatus(err))
	}
}

func exit(err error, status int) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", show.PlainError(err))
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
	return graph.Run(ctx, Job(c))
}

// jobCommand returns a command that runs a job in a process of its own.
func jobCommand(c Config) (*exec.Cmd, error) {
	c.AsIs = true // the variables are applied already, and must not undo later changes
	input, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	cmd := wordcount.ForWords(wordcount.Program(roleJob), c.Words)
	cmd.Args[0] = os.Args[0] // what people typed, for show.Typed
	// The job's result is not the caller's result, so it goes to standard error, like progress.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), os.Stderr, os.Stderr
	return cmd, nil
}
