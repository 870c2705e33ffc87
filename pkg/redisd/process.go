package redisd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
	"github.com/magereduce/magereduce/pkg/redisd/host"
	"github.com/magereduce/magereduce/pkg/redisd/program"
)

// process is the runtime of a server that is a process of this user. A provisioned server is a
// process whose program was fetched.
type process struct {
	s    *Server
	find func(context.Context) (program.Program, error)
	from string // where the program comes from, for people
}

func onPath(s *Server) process {
	find := func(ctx context.Context) (program.Program, error) { return program.OnPath(ctx, s.tried) }
	return process{s, find, ""}
}

func fetched(s *Server) process {
	find := func(ctx context.Context) (program.Program, error) {
		return program.Provisioned(ctx, s.cache, func(line string) { s.tell("%s", line) })
	}
	return process{s, find, " from the distribution's packages"}
}

// prepare finds the program, unless it is known and still there: an upgrade may have removed it.
func (p process) prepare(ctx context.Context) error {
	if p.s.Program != "" {
		if _, err := os.Stat(p.s.Program); err == nil {
			return nil
		}
	}
	found, err := p.find(ctx)
	if err == nil {
		p.s.Program, p.s.Libs = found.Path, found.Libs
	}
	return err
}

// another finds the next program. If there is none, the first one that was tried stays.
func (p process) another(ctx context.Context) error {
	p.s.tried = append(p.s.tried, p.s.Program)
	found, err := p.find(ctx)
	if err == nil && slices.Contains(p.s.tried, found.Path) {
		err = ErrUnavailable
	}
	if err != nil {
		p.s.Program, p.s.tried = p.s.tried[0], nil
		return err
	}
	p.s.Program, p.s.Libs = found.Path, found.Libs
	return nil
}

func (p process) listen() string {
	if !host.OnTCP(p.s.Addr) {
		return onSocket(p.s, p.s.Addr)
	}
	_, port, _ := net.SplitHostPort(p.s.Addr)
	return "bind 127.0.0.1\nport " + port + "\n"
}

// onSocket is the configuration for a socket. A socket in the server's own folder is named without
// the path, which may be of any length, and is another one in a container.
func onSocket(s *Server, socket string) string {
	if filepath.Dir(s.Addr) == s.DataDir {
		socket = datadir.SocketFile
	}
	return fmt.Sprintf("port 0\nunixsocket %q\nunixsocketperm 700\n", socket)
}

// start starts the server in a session of its own, so that a terminal's Ctrl-C doesn't reach it and
// it outlives this process.
func (p process) start(ctx context.Context, log *os.File) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	// Redis reads a path with *, ? or [ in it as a pattern, and starts without any configuration if
	// nothing matches. So the configuration comes as standard input.
	conf, err := os.Open(p.s.dir().Path(datadir.ConfFile))
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	defer conf.Close()

	// The shell sets the umask, because Redis writes dumps that everybody can read.
	cmd := exec.Command("/bin/sh", "-c", `umask 077; exec "$0" "$@"`,
		p.s.Program, "-", "--proc-title-template", host.TitleTemplate(p.s.Name))
	cmd.Dir = p.s.DataDir
	cmd.Env = program.Program{Path: p.s.Program, Libs: p.s.Libs}.Environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = conf, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("redisd: start the server: %w", err)
	}
	p.s.Pid = cmd.Process.Pid

	// The goroutine reaps the server when it ends, because a zombie would stay in the process
	// table. It may outlive its caller, as the server does.
	c := &child{pid: p.s.Pid, done: make(chan struct{})}
	p.s.child = c
	go func() {
		defer close(c.done)
		err := cmd.Wait()
		var exit *exec.ExitError
		c.killed = errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	}()
	return nil
}

func (p process) ended(ctx context.Context) error {
	if c := p.s.child; c != nil && c.pid == p.s.Pid {
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil
		}
		if c.killed {
			return errKilled
		}
		return errEnded
	}
	for { // another process started it
		if running, err := p.running(ctx); err == nil && !running {
			return errEnded
		}
		if host.Sleep(ctx, 5*host.PollEvery) != nil {
			return nil
		}
	}
}

func (p process) running(context.Context) (bool, error) { return host.Running(p.s.Name, p.s.Pid) }

func (p process) kill(ctx context.Context) error { return host.Kill(ctx, p.s.Name, p.s.Pid) }

func (p process) pause(ctx context.Context) error  { return p.signal(ctx, syscall.SIGSTOP, "pause") }
func (p process) resume(ctx context.Context) error { return p.signal(ctx, syscall.SIGCONT, "resume") }

func (p process) signal(ctx context.Context, sig os.Signal, what string) error {
	if running, err := p.running(ctx); err != nil || !running {
		return host.Also(err, fmt.Errorf("redisd: %s the server: it isn't running", what))
	}
	if err := host.Signal(p.s.Name, p.s.Pid, sig); err != nil {
		return fmt.Errorf("redisd: %s the server: %w", what, err)
	}
	return nil
}

func (p process) reader() string { return p.s.Program }

func (p process) String() string {
	return fmt.Sprintf("%s%s, pid %d", cmp.Or(p.s.Version, "redis"), p.from, p.s.Pid)
}
