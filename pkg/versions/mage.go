package versions

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
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// folder is a working folder in which the targets of this checkout run.
type folder struct {
	dir, checkout string
	out           io.Writer
}

// inFolder calls do with an empty folder, and ends its servers afterwards.
func inFolder(ctx context.Context, out io.Writer, do func(folder) error) (err error) {
	checkout, err := os.Getwd()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "versions-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer func() {
		for _, state := range []string{".wordcount", ".wordcount/chaos"} {
			s, none := redisd.Open(redisd.Config{Dir: filepath.Join(dir, state)})
			if none == nil {
				err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
			}
		}
	}()
	return do(folder{dir, checkout, out})
}

// command returns a command that runs targets on a server, or on the first one on PATH if s is nil. It has env, and this
// process's environment without the settings of a word count.
func (f folder) command(ctx context.Context, s *server, env []string, targets ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "mage", "-d", f.checkout, "-w", f.dir}, targets...)...)
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "WORDCOUNT_") && !strings.HasPrefix(setting, "REDIS_URL=") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(cmd.Env, "WORDCOUNT_INPUT="+filepath.Join(f.checkout, "data"), "WORDCOUNT_REDIS_KIND=process")
	if s != nil {
		cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(s.program)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd
}

// mage runs targets, and returns everything they print.
func (f folder) mage(ctx context.Context, s *server, env []string, targets ...string) (said string, err error) {
	cmd := f.command(ctx, s, env, targets...)
	var all bytes.Buffer
	cmd.Stdout = io.MultiWriter(f.out, &all)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("mage %s: %w", strings.Join(targets, " "), err)
	}
	return all.String(), nil
}

// commands is a trial of targets that end with a proof, in their own folder.
func commands(s *server, reducers string, targets ...string) trial {
	name := strings.Join(targets, " ")
	var env []string
	if reducers != "" {
		env = []string{"WORDCOUNT_REDUCERS=" + reducers}
		name = env[0] + " " + name
	}
	return trial{name, func(ctx context.Context, out io.Writer) error {
		return inFolder(ctx, out, func(f folder) error {
			said, err := f.mage(ctx, s, env, targets...)
			if err != nil {
				return err
			}
			return isExactOn(s, said)
		})
	}}
}

// isExactOn checks that a run reports this server and an exact result.
func isExactOn(s *server, said string) error {
	for _, part := range []string{s.version + ", pid ", "exact: "} {
		if !strings.Contains(said, part) {
			return fmt.Errorf("it doesn't say %q", part)
		}
	}
	return nil
}

// move interrupts a job on one server half-way, and lets another server finish it with the same data.
func move(ctx context.Context, out io.Writer, from, to *server) error {
	return inFolder(ctx, out, func(f folder) error {
		input := []string{"WORDCOUNT_INPUT=" + filepath.Join(f.checkout, "pkg"), "WORDCOUNT_SPLIT=4KiB"}
		if err := f.interrupted(ctx, from, append(input, "WORDCOUNT_CHECKPOINT=300ms", "WORDCOUNT_FAULTS=slow=100ms:2", "WORDCOUNT_WORKERS=2")); err != nil {
			return err
		}
		if _, err := f.mage(ctx, from, nil, "redis:stop"); err != nil {
			return err
		}
		if _, err := f.mage(ctx, to, input, "redis:start"); err != nil {
			return err
		}
		said, err := f.command(ctx, to, nil, "status", "-json").Output()
		if err != nil {
			return fmt.Errorf("mage status: %w", err)
		}
		var status struct{ Tasks struct{ Total, Done int } }
		if err := json.Unmarshal(said, &status); err != nil {
			return err
		}
		fmt.Fprintf(out, "moved with %d of %d tasks done\n", status.Tasks.Done, status.Tasks.Total)
		if status.Tasks.Done == 0 || status.Tasks.Done == status.Tasks.Total {
			return errors.New("the job wasn't moved half-way")
		}
		all, err := f.mage(ctx, to, input, "run", "verify")
		if err != nil {
			return err
		}
		return isExactOn(to, all)
	})
}

// interrupted runs a job until it has some checkpoints.
func (f folder) interrupted(ctx context.Context, s *server, env []string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := f.command(ctx, s, env, "run")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) } // like Ctrl-C: Mage and its children
	cmd.Stdout = f.out
	said := &until{text: "checkpoint 2", then: cancel, out: f.out}
	cmd.Stderr = said
	if err := cmd.Run(); !said.seen {
		return fmt.Errorf("mage run: it never said %q: %w", said.text, cmp.Or(err, errors.New("it ended before")))
	}
	return nil
}

// until passes writes on, and calls then as soon as the text was written.
type until struct {
	text string
	then func()
	out  io.Writer
	seen bool
	tail string
}

func (u *until) Write(p []byte) (int, error) {
	u.tail += string(p)
	if !u.seen && strings.Contains(u.tail, u.text) {
		u.seen = true
		u.then()
	}
	u.tail = u.tail[max(0, len(u.tail)-len(u.text)):]
	return u.out.Write(p)
}
