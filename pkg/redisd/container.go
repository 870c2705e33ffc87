package redisd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// prepareContainer finds an engine that answers, and the image.
func (s *Server) prepareContainer(ctx context.Context, say func(string)) error {
	var err error
	if s.Engine, err = findEngine(ctx); err != nil {
		return err
	}
	s.Container = s.Name
	s.User = s.containerUser(ctx)
	if _, err := s.engine(ctx, "image", "inspect", s.Image); err == nil {
		return nil
	}
	say(fmt.Sprintf("pulling %s with %s", s.Image, s.Engine))
	if _, err := s.engine(ctx, "pull", "-q", s.Image); err != nil {
		return fmt.Errorf("%w: %s has no image %s and can't pull it: %w", ErrUnavailable, s.Engine, s.Image, err)
	}
	return nil
}

// findEngine returns the first container engine that answers soon. One that is
// installed may well not run, or not let us in.
func findEngine(ctx context.Context) (string, error) {
	var problems []string
	for _, engine := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(engine); err != nil {
			problems = append(problems, engine+" is not installed")
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		_, err := run(ctx, engine, "ps", "-q")
		cancel()
		if err == nil {
			return engine, nil
		}
		problems = append(problems, engine+" doesn't answer")
	}
	return "", fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(problems, ", "))
}

// startContainer runs the server in a new container, as the first one was run.
func (s *Server) startContainer(ctx context.Context) (ending, error) {
	if err := s.save(); err != nil {
		return nil, err
	}
	// What is there already keeps its mode; what redis creates, all could read.
	log, err := os.OpenFile(filepath.Join(s.DataDir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	log.Close()
	_, err = s.engine(ctx, "run", "--detach", "--rm",
		"--name", s.Container,
		"--label", "wordcount="+s.DataDir,
		// The image's own start script would give the folder to another user.
		"--user", s.User,
		"--entrypoint", "redis-server",
		// Unlike --volume this takes any path: its fields are those of CSV.
		"--mount", `type=bind,"source=`+strings.ReplaceAll(s.DataDir, `"`, `""`)+`",target=/data`,
		"--workdir", "/data",
		// Where SELinux is on, the folder would need a label of its own otherwise.
		"--security-opt", "label=disable",
		"--publish", s.Addr+":"+containerPort,
		s.Image, confFile)
	if err != nil {
		// What failed half-way stays in the state "created", and can't be started.
		err = also(err, s.removeContainer(context.WithoutCancel(ctx)))
		for _, text := range []string{"already allocated", "address already in use"} {
			if strings.Contains(err.Error(), text) {
				return nil, fmt.Errorf("%w: %s", ErrPortTaken, s.Addr)
			}
		}
		return nil, err
	}

	return s.containerEnded, nil
}

func (s *Server) containerEnded(ctx context.Context) error {
	code, err := s.engine(ctx, "wait", s.Container) // also fails if it is gone already
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
	state, err := s.engine(ctx, "inspect", "--format", "{{.State.Running}}", s.Container)
	if noSuchContainer(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: this folder's server lives in %s, which must run", err, s.Engine)
	}
	return state == "true", nil
}

// removeContainer kills the container and returns when its name is free again.
// A kill comes first because removing by force may be gentle: podman then
// sends a SIGTERM and waits.
func (s *Server) removeContainer(ctx context.Context) error {
	s.engine(ctx, "kill", s.Container) // fails if it isn't running
	for {
		_, err := s.engine(ctx, "inspect", s.Container)
		if noSuchContainer(err) {
			return nil
		}
		if err != nil {
			return err
		}
		s.engine(ctx, "rm", "--force", s.Container) // fails if it is being removed
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("redisd: waiting for container %s to be gone: %w", s.Container, err)
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
