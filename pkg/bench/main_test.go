package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/targets"
)

// roles are what the test program does if its first argument names one. The targets make it a
// compiled magefile, whose workers are this program once more. A contender is a process of its own
// because the job is one, too. What needs much memory is one because Linux takes the peak of a
// child to be at least that of its parent: the process that measures must stay small.
var roles = map[string]func(ctx context.Context, args []string) error{
	"redis:start": func(ctx context.Context, _ []string) error { return targets.Redis{}.Start(ctx) },
	"run":         func(ctx context.Context, _ []string) error { return targets.Run(ctx, nil, nil, nil, nil, nil) },
	"verify":      func(ctx context.Context, _ []string) error { return targets.Verify(ctx) },
	"clean":       func(ctx context.Context, _ []string) error { return targets.Clean(ctx) },
	"export": func(ctx context.Context, args []string) error {
		out := strings.TrimPrefix(args[0], "-out=")
		return targets.Export(ctx, &out, nil, nil)
	},
	"kernel":   func(_ context.Context, args []string) error { return countByKernel(args[0], args[1]) },
	"scanner":  func(_ context.Context, args []string) error { return countByScanner(args[0], args[1]) },
	"recount":  func(_ context.Context, args []string) error { return recountByASCII(args[0], args[1]) },
	"logs":     writeLogs,
	"pack":     func(_ context.Context, args []string) error { return packFolder(args[0], args[1]) },
	"unpack":   func(_ context.Context, args []string) error { return unpackFolder(args[0]) },
	"segment":  func(_ context.Context, args []string) error { return segmentFolder(args[0]) },
	"upload":   func(ctx context.Context, args []string) error { return upload(ctx, args[0]) },
	"download": func(ctx context.Context, _ []string) error { return download(ctx) },
	"corpus": func(ctx context.Context, args []string) error {
		var spec corpus.Spec
		if err := json.Unmarshal([]byte(args[1]), &spec); err != nil {
			return err
		}
		return corpus.Write(ctx, args[0], spec, nil)
	},
}

func TestMain(m *testing.M) {
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := roles[os.Args[1]](ctx, os.Args[2:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(mg.ExitStatus(err))
	}
	os.Exit(0)
}

// as is this program in another role.
func as(ctx context.Context, role string, args ...string) *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return exec.CommandContext(ctx, program, append([]string{role}, args...)...)
}

// create makes a file, lets write fill it, and closes it.
func create(path string, write func(*bufio.Writer)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	b := bufio.NewWriterSize(file, 1<<16)
	write(b)
	if err := b.Flush(); err != nil {
		return err
	}
	return file.Close()
}
