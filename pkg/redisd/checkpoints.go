package redisd

import (
	"context"
	"fmt"
)

// Keep keeps the checkpoint that was just completed, beside the last few. Its name says when it was
// kept, and the label what for.
func (s *Server) Keep(label string) error {
	if !s.Owned() {
		return ErrGiven
	}
	return s.dir().Keep(label)
}

// Kept lists the checkpoints that are kept, the newest first.
func (s *Server) Kept() ([]string, error) { return s.dir().Kept() }

// Rollback kills the server and puts the oldest kept checkpoint in the place of its last one, or
// none if none is kept, which is older still. The next start loads it.
func (s *Server) Rollback(ctx context.Context) error { return s.whileDead(ctx, s.dir().Rollback) }

// Corrupt kills the server and flips a bit of its last checkpoint, as a failing disk would.
func (s *Server) Corrupt(ctx context.Context) error { return s.whileDead(ctx, s.dir().Corrupt) }

// whileDead kills the server and does something to its dump before anybody can start it again.
func (s *Server) whileDead(ctx context.Context, do func() error) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.clear(ctx); err != nil { // an orphan could still rename its snapshot over the dump
		return err
	}
	if err := do(); err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	return nil
}
