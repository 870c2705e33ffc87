package redisd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const (
	// DefaultImage is the image of a container.
	DefaultImage = "redis:7.4"

	// containerPort is where the server listens inside of a container.
	containerPort = "6379"

	// socketMount is where a container finds the folder of a socket that isn't in the data folder.
	socketMount = "/run/redis"
)

// container is the runtime of a server in docker or podman. It uses the engine's own program,
// because a client library would bring dozens of modules and not know the user's contexts.
type container struct{ s *Server }

// prepare finds an engine that answers, and the image. It moves the server to a port if the engine
// can't share a socket.
func (c container) prepare(ctx context.Context) error {
	if err := c.findEngine(ctx); err != nil {
		return err
	}
	if !host.OnTCP(c.s.Addr) && !c.sharesSockets(ctx) {
		port, err := host.FreePort()
		if err != nil {
			return err
		}
		c.s.Addr = host.Loopback(port)
	}
	if _, err := c.engine(ctx, "image", "inspect", c.s.Image); err == nil {
		return nil
	}
	c.s.tell("pulling %s with %s", c.s.Image, c.s.Engine)
	if _, err := c.engine(ctx, "pull", "-q", c.s.Image); err != nil {
		return fmt.Errorf("%w: %s has no image %s and can't pull it: %w", ErrUnavailable, c.s.Engine, c.s.Image, err)
	}
	return nil
}

func (c container) another(context.Context) error { return ErrUnavailable }

// findEngine finds the container engine that has this folder's container, or else the first that
// answers soon. An engine that is installed may not run, or not let this user in.
func (c container) findEngine(ctx context.Context) error {
	engines, err := engines(ctx)
	if err != nil {
		if c.s.Engine != "" {
			return nil
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	c.s.Engine = cmp.Or(c.s.Engine, engines[0])
	for _, engine := range engines {
		ctx, cancel := context.WithTimeout(ctx, engineAnswers)
		if _, missing := run(ctx, engine, "inspect", c.s.Name); missing == nil {
			c.s.Engine = engine
		}
		cancel()
	}
	return nil
}

// engineAnswers is how long a container engine may take to answer.
const engineAnswers = 3 * time.Second

// Engine returns the first container engine that answers soon. The error says why there is none.
func Engine(ctx context.Context) (string, error) {
	engines, err := engines(ctx)
	if err != nil {
		return "", err
	}
	return engines[0], nil
}

// engines returns the container engines that answer soon, at least one.
func engines(ctx context.Context) (answer []string, err error) {
	var problems []string
	for _, engine := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(engine); err != nil {
			problems = append(problems, engine+" is not installed")
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, engineAnswers)
		if _, err := run(ctx, engine, "ps", "-q"); err == nil {
			answer = append(answer, engine)
		} else {
			problems = append(problems, engine+" doesn't answer")
		}
		cancel()
	}
	if len(answer) == 0 {
		return nil, errors.New(strings.Join(problems, ", "))
	}
	return answer, nil
}

// sharesSockets reports whether this process can connect to a socket that a container makes in a
// shared folder: that needs a container on the same kernel.
func (c container) sharesSockets(ctx context.Context) bool {
	if goruntime.GOOS != "linux" {
		return false
	}
	system, err := c.engine(ctx, "info", "--format", "{{.OperatingSystem}}") // podman has no such field
	return err != nil || !strings.Contains(system, "Docker Desktop")         // Docker Desktop is a virtual machine
}

// listen listens on every interface of the container: the engine publishes the port on the
// loopback of the host.
func (c container) listen() string {
	if host.OnTCP(c.s.Addr) {
		return "bind 0.0.0.0\nport " + containerPort + "\n"
	}
	return onSocket(c.s, filepath.Join(socketMount, datadir.SocketFile))
}

// start starts the server in a new container.
func (c container) start(ctx context.Context, _ *os.File) error {
	args := []string{"run", "--detach", "--rm",
		"--name", c.s.Name,
		"--label", c.s.Name[:strings.LastIndexByte(c.s.Name, '-')] + "=" + c.s.DataDir,
		// The image's own start script would give the folder to another user.
		"--user", c.user(ctx),
		"--entrypoint", "redis-server",
		"--mount", mount(c.s.DataDir, "/data"),
		"--workdir", "/data",
		// With SELinux the folder would need a label of its own.
		"--security-opt", "label=disable",
	}
	switch {
	case host.OnTCP(c.s.Addr):
		args = append(args, "--publish", c.s.Addr+":"+containerPort)
	case c.s.HasSocketFolder():
		args = append(args, "--mount", mount(filepath.Dir(c.s.Addr), socketMount), "--network", "none")
	default:
		args = append(args, "--network", "none")
	}
	_, err := c.engine(ctx, append(args, c.s.Image, datadir.ConfFile)...)
	if err == nil {
		return nil
	}
	// A container that could not be started stays in the state "created".
	err = host.Also(err, c.remove(context.WithoutCancel(ctx)))
	for _, text := range []string{"already allocated", "address already in use"} {
		if strings.Contains(err.Error(), text) {
			return host.Taken(c.s.Addr)
		}
	}
	return err
}

// mount shares a folder with a container. Unlike --volume this takes any path: its fields are those
// of CSV.
func mount(dir, target string) string {
	return `type=bind,"source=` + strings.ReplaceAll(dir, `"`, `""`) + `",target=` + target
}

// user is the owner of the data folder, so that this user owns the files in it. With a rootless
// engine, this user is root in the container.
func (c container) user(ctx context.Context) string {
	for _, format := range []string{
		"{{.SecurityOptions}}",                          // docker
		"{{if .Host.Security.Rootless}}rootless{{end}}", // podman, which may be installed as docker
	} {
		out, err := c.engine(ctx, "info", "--format", format)
		if err == nil && strings.Contains(out, "rootless") {
			return "0:0"
		}
	}
	return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
}

func (c container) ended(ctx context.Context) error {
	code, err := c.engine(ctx, "wait", c.s.Name) // also fails if the container is gone already
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil && code == "137": // 128 + SIGKILL
		return errKilled
	}
	return errEnded
}

func (c container) running(ctx context.Context) (bool, error) {
	state, err := c.engine(ctx, "inspect", "--format", "{{.State.Running}}", c.s.Name)
	if noSuchContainer(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: this folder's server lives in a container, whose engine must run", err)
	}
	return state == "true", nil
}

// kill kills the container, and a process that served the folder before it.
func (c container) kill(ctx context.Context) error {
	if err := c.remove(ctx); err != nil {
		return err
	}
	return host.Kill(ctx, c.s.Name, c.s.Pid)
}

// remove kills the container and returns when its name is free again. It kills first, because
// podman's removal by force sends a SIGTERM and waits.
func (c container) remove(ctx context.Context) error {
	c.engine(ctx, "kill", c.s.Name) // fails if it isn't running
	for {
		_, err := c.engine(ctx, "inspect", c.s.Name)
		if noSuchContainer(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c.engine(ctx, "rm", "--force", c.s.Name) // fails if it is being removed
		if err := host.Sleep(ctx, host.PollEvery); err != nil {
			return fmt.Errorf("redisd: waiting for container %s to be gone: %w", c.s.Name, err)
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

func (c container) pause(ctx context.Context) error {
	_, err := c.engine(ctx, "pause", c.s.Name)
	return err
}

func (c container) resume(ctx context.Context) error {
	_, err := c.engine(ctx, "unpause", c.s.Name)
	return err
}

func (c container) reader() string { return c.s.Image }

func (c container) String() string {
	return fmt.Sprintf("%s in %s", c.s.Image, cmp.Or(c.s.Engine, "a container"))
}

// engine runs a command of the container engine.
func (c container) engine(ctx context.Context, args ...string) (string, error) {
	if c.s.Engine == "" {
		if err := c.findEngine(ctx); err != nil {
			return "", err
		}
	}
	return run(ctx, c.s.Engine, args...)
}

func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes
	out, err := host.Output(ctx, cmd)
	if err != nil {
		return "", fmt.Errorf("redisd: %s %s: %w", name, args[0], err)
	}
	return strings.TrimSpace(out), nil
}
