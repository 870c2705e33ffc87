package redisd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const (
	dumpFile    = "dump.rdb"
	checkpoints = "checkpoints" // folder of those that are kept

	// keepCheckpoints is how many are kept, the one in dump.rdb included.
	keepCheckpoints = 3
)

// Keep keeps the checkpoint that was just completed, beside the last few. Its
// name says when it was kept, and the label what for. It costs no copy: BGSAVE
// writes a new file each time and never touches an old one, so a link is enough.
func (s *Server) Keep(label string) error {
	if !s.Owned() {
		return ErrGiven
	}
	dir := filepath.Join(s.DataDir, checkpoints)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("redisd: keep checkpoint: %w", err)
	}
	// A server in a container has a umask of its own.
	dump := filepath.Join(s.DataDir, dumpFile)
	if err := os.Chmod(dump, 0o600); err != nil {
		return fmt.Errorf("redisd: keep checkpoint: %w", err)
	}
	name := time.Now().UTC().Format("20060102T150405.000000Z") + "-" + label + ".rdb"
	err := os.Link(dump, filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrExist) { // two who waited for one checkpoint may ask at once
		return fmt.Errorf("redisd: keep checkpoint: %w", err)
	}
	kept, err := s.Kept()
	if err != nil {
		return err
	}
	for _, path := range kept[min(len(kept), keepCheckpoints):] {
		err = host.Also(err, os.Remove(path))
	}
	return err
}

// Kept lists the checkpoints that are kept, the newest first.
func (s *Server) Kept() ([]string, error) {
	paths, err := host.List(filepath.Join(s.DataDir, checkpoints), "*.rdb")
	if err != nil {
		return nil, err
	}
	slices.Sort(paths) // by time: that is how their names begin
	slices.Reverse(paths)
	return paths, nil
}

// Rollback kills the server and puts the oldest kept checkpoint in the place
// of its last one, or none if none is kept: that is older still. Whoever starts
// the server next gets it.
func (s *Server) Rollback(ctx context.Context) error {
	return s.whileDead(ctx, func(dump string) error {
		if err := os.Remove(dump); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for {
			kept, err := s.Kept()
			if err != nil || len(kept) == 0 {
				return err
			}
			err = os.Link(kept[len(kept)-1], dump)
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			// Whoever took the last checkpoint has removed the oldest meanwhile.
		}
	})
}

// Corrupt kills the server and damages its last checkpoint: a bit in the
// middle is flipped, as a failing disk would.
func (s *Server) Corrupt(ctx context.Context) error {
	return s.whileDead(ctx, func(dump string) error {
		text, err := os.ReadFile(dump)
		if err != nil || len(text) == 0 {
			return host.Also(err, errors.New("no checkpoint to damage"))
		}
		text[len(text)/2] ^= 1
		return os.WriteFile(dump, text, 0o600) // in place: what is kept of it is the same file
	})
}

// whileDead kills the server and does something to its dump before anybody can
// start it again.
func (s *Server) whileDead(ctx context.Context, do func(dump string) error) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.clear(ctx); err != nil { // orphans too: one could still rename its snapshot over ours
		return err
	}
	if err := do(filepath.Join(s.DataDir, dumpFile)); err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	return nil
}

// fallBack puts the damaged dump aside and the newest kept checkpoint that is
// another file in its place. Without one the server starts from nothing, which
// is safe, if slow: whoever seeds the job finds it gone.
func (s *Server) fallBack(cause error) error {
	dump := filepath.Join(s.DataDir, dumpFile)
	damaged, err := os.Stat(dump)
	if err != nil {
		return fmt.Errorf("%w; and it is gone: %w", cause, err)
	}
	aside := dump + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000Z")
	if err := os.Rename(dump, aside); err != nil {
		return fmt.Errorf("%w; and it can't be put aside: %w", cause, err)
	}
	kept, err := s.Kept()
	if err != nil {
		return err
	}
	for _, path := range kept {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("redisd: %w", err)
		}
		if os.SameFile(info, damaged) {
			if err := os.Remove(path); err != nil { // its other name is the one put aside
				return fmt.Errorf("redisd: %w", err)
			}
			continue
		}
		s.tell("! %s: put aside as %s, going back to %s", plain(cause), filepath.Base(aside), filepath.Base(path))
		return os.Link(path, dump)
	}
	s.tell("! %s: put aside as %s, and no older checkpoint is left: starting from nothing", plain(cause), filepath.Base(aside))
	return nil
}

// noticeMissing says so if a server that had checkpoints starts without one.
func (s *Server) noticeMissing() {
	if _, err := os.Stat(filepath.Join(s.DataDir, dumpFile)); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if kept, err := s.Kept(); err == nil && len(kept) > 0 {
		s.tell("! %s is missing: starting from nothing; older checkpoints are in %s", dumpFile, filepath.Join(s.DataDir, checkpoints))
	}
}

func (s *Server) tell(format string, args ...any) {
	if s.say != nil {
		s.say(fmt.Sprintf(format, args...))
	}
}

// Freeze stops the server in its tracks, connections and all; Thaw lets it go
// on. It doesn't die of it.
func (s *Server) Freeze(ctx context.Context) error {
	return s.signal(ctx, syscall.SIGSTOP, "pause")
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(ctx context.Context) error { return s.signal(ctx, syscall.SIGCONT, "unpause") }

func (s *Server) signal(ctx context.Context, sig syscall.Signal, command string) error {
	if !s.Owned() {
		return ErrGiven
	}
	if err := s.refresh(); err != nil {
		return err
	}
	if s.Kind == Container {
		_, err := s.engine(ctx, command, s.Name)
		return err
	}
	if running, err := s.processRunning(); err != nil || !running {
		return host.Also(err, fmt.Errorf("redisd: %s the server: it isn't running", command))
	}
	if err := host.Signal(s.Name, s.Pid, sig); err != nil {
		return fmt.Errorf("redisd: %s the server: %w", command, err)
	}
	return nil
}
