package redistest_test

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestAServerComesBackWithItsLastCheckpoint(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	c.Set(t.Context(), "k", "old", 0)
	dump := s.Checkpoint(t)
	c.Set(t.Context(), "k", "new", 0)
	s.Checkpoint(t)
	c.Set(t.Context(), "k", "unsaved", 0)

	s.Kill(t)
	s.Start(t)
	if got := c.Get(t.Context(), "k").Val(); got != "new" {
		t.Errorf("after a kill: %q, want %q", got, "new")
	}
	s.Restore(t, dump)
	if got := c.Get(t.Context(), "k").Val(); got != "old" {
		t.Errorf("after a restore: %q, want %q", got, "old")
	}
	s.Restore(t, nil)
	if got := c.DBSize(t.Context()).Val(); got != 0 {
		t.Errorf("after a restore from nothing: %d keys, want 0", got)
	}
}
