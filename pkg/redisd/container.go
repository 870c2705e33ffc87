package redisd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// prepareContainer finds an engine that answers, and the image.
func (s *Server) prepareContainer(ctx context.Context, say func(string)) error {
	if err := s.findEngine(ctx); err != nil {
		return err
	}
	if !host.OnTCP(s.Addr) && !s.sharesSockets(ctx) {
		port, err := host.FreePort()
		if err != nil {
			return err
		}
		s.Addr = host.Loopback(port)
	}
	if _, err := s.engine(ctx, "image", "inspect", s.Image); err == nil {
		return nil
	}
	say(fmt.Sprintf("pulling %s with %s", s.Image, s.Engine))
	if _, err := s.engine(ctx, "pull", "-q", s.Image); err != nil {
		return fmt.Errorf("%w: %s has no image %s and can't pull it: %w", ErrUnavailable, s.Engine, s.Image, err)
	}
	return nil
}

// findEngine finds the container engine that has this folder's container, or
// else the first that answers soon. One that is installed may well not run, or
// not let us in.
func (s *Server) findEngine(ctx context.Context) error {
	var problems []string
	for _, engine := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(engine); err != nil {
			problems = append(problems, engine+" is not installed")
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		_, err := run(ctx, engine, "ps", "-q")
		if err == nil {
			s.Engine = cmp.Or(s.Engine, engine)
			if _, missing := run(ctx, engine, "inspect", s.Name); missing == nil {
				s.Engine = engine
			}
		} else {
			problems = append(problems, engine+" doesn't answer")
		}
		cancel()
	}
	if s.Engine == "" {
		return fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(problems, ", "))
	}
	return nil
}

// sharesSockets reports whether a socket that a container makes in a folder of
// ours can be connected to: the container must run on this very kernel.
func (s *Server) sharesSockets(ctx context.Context) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	system, err := s.engine(ctx, "info", "--format", "{{.OperatingSystem}}") // podman knows no such field
	return err != nil || !strings.Contains(system, "Docker Desktop")         // which is a virtual machine
}

// startContainer runs the server in a new container, as the first one was run.
func (s *Server) startContainer(ctx context.Context) (ending, error) {
	// What is there already keeps its mode; what redis creates, all could read.
	log, err := os.OpenFile(filepath.Join(s.DataDir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	log.Close()
	s.Started = time.Now()
	if err := s.save(); err != nil {
		return nil, err
	}
	args := []string{"run", "--detach", "--rm",
		"--name", s.Name,
		"--label", "wordcount=" + s.DataDir,
		// The image's own start script would give the folder to another user.
		"--user", s.containerUser(ctx),
		"--entrypoint", "redis-server",
		"--mount", mount(s.DataDir, "/data"),
		"--workdir", "/data",
		// Where SELinux is on, the folder would need a label of its own otherwise.
		"--security-opt", "label=disable",
	}
	switch {
	case host.OnTCP(s.Addr):
		args = append(args, "--publish", s.Addr+":"+containerPort)
	case s.hasSocketFolder():
		args = append(args, "--mount", mount(filepath.Dir(s.Addr), socketMount))
		fallthrough
	default:
		args = append(args, "--network", "none")
	}
	_, err = s.engine(ctx, append(args, s.Image, confFile)...)
	if err != nil {
		// What failed half-way stays in the state "created", and can't be started.
		err = host.Also(err, s.removeContainer(context.WithoutCancel(ctx)))
		for _, text := range []string{"already allocated", "address already in use"} {
			if strings.Contains(err.Error(), text) {
				return nil, host.Taken(s.Addr)
			}
		}
		return nil, err
	}

	return s.containerEnded, nil
}

// mount is one of our folders as a container gets it. Unlike --volume this takes
// any path: its fields are those of CSV.
func mount(dir, target string) string {
	return `type=bind,"source=` + strings.ReplaceAll(dir, `"`, `""`) + `",target=` + target
}

func (s *Server) containerEnded(ctx context.Context) error {
	code, err := s.engine(ctx, "wait", s.Name) // also fails if it is gone already
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil && code == "137": // 128 + SIGKILL
		return errKilled
	}
	return errEnded
}

// containerUser is the one who owns the data folder, so that the files in it
// are ours. Where the engine itself is run by us, we are its root.
func (s *Server) containerUser(ctx context.Context) string {
	for _, format := range []string{
		"{{.SecurityOptions}}",                          // docker's
		"{{if .Host.Security.Rootless}}rootless{{end}}", // podman's, which may be called docker
	} {
		out, err := s.engine(ctx, "info", "--format", format)
		if err == nil && strings.Contains(out, "rootless") {
			return "0:0"
		}
	}
	return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
}

func (s *Server) containerRunning(ctx context.Context) (bool, error) {
	state, err := s.engine(ctx, "inspect", "--format", "{{.State.Running}}", s.Name)
	if noSuchContainer(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: this folder's server lives in a container, whose engine must run", err)
	}
	return state == "true", nil
}

// removeContainer kills the container and returns when its name is free again.
// A kill comes first because removing by force may be gentle: podman then
// sends a SIGTERM and waits.
func (s *Server) removeContainer(ctx context.Context) error {
	s.engine(ctx, "kill", s.Name) // fails if it isn't running
	for {
		_, err := s.engine(ctx, "inspect", s.Name)
		if noSuchContainer(err) {
			return nil
		}
		if err != nil {
			return err
		}
		s.engine(ctx, "rm", "--force", s.Name) // fails if it is being removed
		if err := host.Sleep(ctx, host.PollEvery); err != nil {
			return fmt.Errorf("redisd: waiting for container %s to be gone: %w", s.Name, err)
		}
	}
}

func noSuchContainer(err error) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such object") || strings.Contains(text, "no such container")
}

// engine runs one command of the engine's own program. A client library would
// bring dozens of modules, and not the user's contexts.
func (s *Server) engine(ctx context.Context, args ...string) (string, error) {
	if s.Engine == "" {
		if err := s.findEngine(ctx); err != nil {
			return "", err
		}
	}
	return run(ctx, s.Engine, args...)
}

// run returns a command's output, and as its error what it said last.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("redisd: %s %s: %w: %s", name, args[0], err, complaint(complaints.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// complaint is the line to quote: the first one may be a remark, the last one
// an advice on usage.
func complaint(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(line), "error") {
			return strings.TrimSpace(line)
		}
	}
	return firstLine(text)
}
