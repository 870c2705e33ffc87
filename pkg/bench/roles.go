package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/magereduce/magereduce/pkg/corpus"
)

// roleVariable makes a process that imports this package something else than what it is: a contender has to be a
// process of its own, as the job is. What is heavy has to be one, too: the system takes a child's peak of memory to be
// at least its parent's, so that whoever measures must stay small.
const roleVariable = "WORDCOUNT_BENCH_ROLE"

// roles get the arguments of their process.
var roles = map[string]func(args []string) error{
	"kernel":  func(args []string) error { return countByKernel(args[0], args[1]) },
	"scanner": func(args []string) error { return countByScanner(args[0], args[1]) },
	"recount": func(args []string) error {
		t, err := recount(args[0], splits[args[1]])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(t)
	},
	"corpus": func(args []string) error {
		var spec corpus.Spec
		if err := json.Unmarshal([]byte(args[1]), &spec); err != nil {
			return err
		}
		return corpus.Write(context.Background(), args[0], spec, nil)
	},
}

func init() {
	name := os.Getenv(roleVariable)
	if name == "" {
		return
	}
	role, ok := roles[name]
	err := fmt.Errorf("no role %q", name)
	if ok {
		err = role(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// as is this program in another role.
func as(ctx context.Context, role string, args ...string) (*exec.Cmd, error) {
	program, err := self()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd, nil
}

// create makes a file, lets write fill it, and closes it.
func create(path string, write func(*bufio.Writer)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(file, 1<<16)
	write(b)
	if err := b.Flush(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
