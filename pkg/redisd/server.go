package redisd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Server is a Redis server that we were given, or that is ours: then it is
// also the record from which an identical one can be started again, by this
// process or another. One Server must not be used by two goroutines at once;
// each can Open its own.
type Server struct {
	Kind    Kind      `json:"kind"`
	Addr    string    `json:"addr"`              // the path of a socket, or host:port
	Version string    `json:"version,omitempty"` // as "redis 7.4.1"
	Pid     int       `json:"pid,omitempty"`     // of our own process
	Started time.Time `json:"started"`           // the last time
	Name    string    `json:"name"`              // of the container, and in the titles of processes

	DataDir string `json:"-"` // where dump.rdb and redis.log land; "" if given

	// What runs is never read from the folder, but found again by the kind.
	Program string `json:"-"` // path of redis-server
	Libs    string `json:"-"` // LD_LIBRARY_PATH that Program needs
	Engine  string `json:"-"` // docker or podman
	Image   string `json:"-"` // of a container

	endpoint Endpoint     // of a given one
	say      func(string) // what must be said loudly; may be nil
}

// Owned reports whether the server is ours to start and kill.
func (s *Server) Owned() bool { return s.Kind != Given }

// Endpoint is how a client gets to the server.
func (s *Server) Endpoint() Endpoint {
	if !s.Owned() {
		return s.endpoint
	}
	return Endpoint{Folder: s.DataDir}
}

// String is the server in a few words for a person.
func (s *Server) String() string {
	what := cmp.Or(s.Version, "redis")
	switch s.Kind {
	case Given:
		return fmt.Sprintf("%s given at %s", what, s.Addr)
	case Container:
		what = fmt.Sprintf("%s in %s", s.Image, cmp.Or(s.Engine, "a container"))
	case Process:
		what = fmt.Sprintf("%s, pid %d", what, s.Pid)
	case Provisioned:
		what = fmt.Sprintf("%s from the distribution's packages, pid %d", what, s.Pid)
	}
	return fmt.Sprintf("%s, %s, data in %s", what, shorten(s.Addr), shorten(s.DataDir))
}

// Start starts the server again as it was: same address, folder and
// configuration, with the data of dump.rdb and with new passwords. It returns
// when the server is ready, at once if it was running. ErrPortTaken, ErrDump.
func (s *Server) Start(ctx context.Context) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.up(ctx, s.launch)
	return err
}

// Kill ends the server, and a checkpoint it was writing, as a crash does: by
// SIGKILL, saving nothing. It returns when they are gone. The record stays, so
// that Ensure and Start bring the server back.
//
// It doesn't wait for the lock: a server that is being started can be killed.
func (s *Server) Kill(ctx context.Context) error {
	if !s.Owned() {
		return ErrGiven
	}
	if err := s.refresh(); err != nil {
		return err
	}
	if err := s.slay(ctx); err != nil {
		return err
	}
	unlock, err := host.TryLock(s.DataDir)
	if err != nil {
		return nil // whoever starts it again sweeps
	}
	defer unlock()
	if running, err := s.running(ctx); err != nil || running {
		return err
	}
	return s.sweep()
}

// Stop lets the server save everything and end, and forgets it. The data stays
// in dump.rdb for the next server in this folder. If it can't save, it goes on
// running, and the error says why.
func (s *Server) Stop(ctx context.Context) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	running, err := s.running(ctx)
	if err != nil {
		return err
	}
	if running {
		if err := s.shutdown(ctx); err != nil {
			return err
		}
	}
	if err := s.clear(ctx); err != nil {
		return err
	}
	err = os.Chmod(filepath.Join(s.DataDir, dumpFile), 0o600) // see Keep
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("redisd: %w", err)
	}
	s.leave()
	return s.forget()
}

// locked keeps others from starting or stopping a server of ours, and takes
// over what they have recorded meanwhile.
func (s *Server) locked(ctx context.Context) (unlock func(), err error) {
	if !s.Owned() {
		return nil, ErrGiven
	}
	if unlock, err = host.Lock(ctx, s.DataDir); err != nil {
		return nil, err
	}
	if err := s.refresh(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// shutdown asks the server to save and end, and waits until it has.
func (s *Server) shutdown(ctx context.Context) error {
	c, err := s.Endpoint().Client("redisd")
	if err != nil {
		return err
	}
	defer c.Close()
	// SHUTDOWN SAVE saves and ends in one step, so that nothing can be
	// written in between, and refuses to end if saving fails.
	var refusal redis.Error
	if err := c.ShutdownSave(ctx).Err(); errors.As(err, &refusal) {
		return fmt.Errorf("redisd: the server can't save and goes on running: %w", err)
	}
	for {
		running, err := s.running(ctx)
		if err != nil || !running {
			return err
		}
		if err := host.Sleep(ctx, host.PollEvery); err != nil {
			return fmt.Errorf("redisd: waiting for the server to end: %w", err)
		}
	}
}

// running reports whether the recorded server lives, whether or not it answers.
func (s *Server) running(ctx context.Context) (bool, error) {
	if s.Kind == Container {
		return s.containerRunning(ctx)
	}
	return s.processRunning()
}

// slay kills the folder's server.
func (s *Server) slay(ctx context.Context) error {
	if s.Kind == Container {
		return s.removeContainer(ctx)
	}
	return host.Kill(ctx, s.Name, s.Pid)
}

// clear removes whatever an earlier server of this folder may have left
// behind, recorded or not. Only with the lock held.
func (s *Server) clear(ctx context.Context) error {
	if s.Kind == Container {
		if err := s.removeContainer(ctx); err != nil {
			return err
		}
	}
	if err := host.Kill(ctx, s.Name, s.Pid); err != nil {
		return err
	}
	return s.sweep()
}

// sweep removes the files of checkpoints that were never finished.
func (s *Server) sweep() error {
	files, err := host.List(s.DataDir, "temp-*.rdb")
	for _, file := range files {
		err = host.Also(err, os.Remove(file))
	}
	return err
}

// shorten makes a path relative to the working folder, if it is below it.
func shorten(path string) string {
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(short) {
			return short
		}
	}
	return path
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
