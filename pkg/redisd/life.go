package redisd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Start starts the server again at the same address, with the data of its last checkpoint and with
// new passwords. It returns when the server is ready, and does nothing to a server that runs.
// ErrPortTaken, ErrDump.
func (s *Server) Start(ctx context.Context) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.up(ctx, s.launch)
	return err
}

// Kill ends the server, and a checkpoint that it was writing, as a crash does: by SIGKILL, saving
// nothing. It returns when they are gone. The record stays, so Ensure and Start bring the server
// back. Kill doesn't wait for the lock, so it also kills a server that is being started.
func (s *Server) Kill(ctx context.Context) error {
	if err := s.refresh(); err != nil {
		return err
	}
	if err := s.runtime().kill(ctx); err != nil {
		return err
	}
	unlock, err := host.TryLock(s.DataDir)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK): // the process that holds the lock starts the server again, and sweeps
		return nil
	case errors.Is(err, fs.ErrNotExist): // the folder is gone
		return nil
	case err != nil:
		return err
	}
	defer unlock()
	if running, err := s.runtime().running(ctx); err != nil || running {
		return err
	}
	return s.dir().Sweep()
}

// Stop lets the server save everything and end, and forgets it. The data stays in dump.rdb for the
// next server in this folder. If the server can't save, it goes on running, and the error says why.
func (s *Server) Stop(ctx context.Context) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	running, err := s.runtime().running(ctx)
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
	if err := s.dir().CloseDump(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("redisd: %w", err)
	}
	s.RemoveSocket()
	return s.dir().Forget()
}

// shutdown asks the server to save and end, and waits until it has ended.
func (s *Server) shutdown(ctx context.Context) error {
	c, err := s.Endpoint().Client("redisd")
	if err != nil {
		return err
	}
	defer c.Close()
	// SHUTDOWN SAVE saves and ends in one step, so nothing can be written in between. It refuses to
	// end if saving fails.
	var refusal redis.Error
	if err := c.ShutdownSave(ctx).Err(); errors.As(err, &refusal) {
		return fmt.Errorf("redisd: the server can't save and goes on running: %w", err)
	}
	for {
		running, err := s.runtime().running(ctx)
		if err != nil || !running {
			return err
		}
		if err := host.Sleep(ctx, host.PollEvery); err != nil {
			return fmt.Errorf("redisd: waiting for the server to end: %w", err)
		}
	}
}

// Freeze stops the server where it is, with its connections. It doesn't end.
func (s *Server) Freeze(ctx context.Context) error {
	if err := s.refresh(); err != nil {
		return err
	}
	return s.runtime().pause(ctx)
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(ctx context.Context) error {
	if err := s.refresh(); err != nil {
		return err
	}
	return s.runtime().resume(ctx)
}
