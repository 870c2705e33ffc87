package redisd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

const (
	kept       = 3 // how many checkpoints are kept
	generation = "generation"
)

// keepGenerations takes and keeps n checkpoints. Each holds its number, from 1.
func keepGenerations(t *testing.T, s *redistest.Server, n int) {
	t.Helper()
	c := s.Client(t)
	for i := range n {
		must(t, c.Set(t.Context(), generation, i+1, 0).Err())
		s.Checkpoint(t)
		must(t, s.Keep("somejob"))
	}
}

func TestTheLastCheckpointsAreKeptAndNamedByTimeAndJob(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	const all = kept + 2
	began := time.Now().Truncate(time.Microsecond)
	keepGenerations(t, s, all)
	paths, err := s.Kept()
	must(t, err)
	if len(paths) != kept {
		t.Fatalf("kept are %q", paths)
	}
	for i, path := range paths {
		stamp, job, _ := strings.Cut(filepath.Base(path), "-")
		at, err := time.Parse("20060102T150405.000000Z", stamp)
		if err != nil || at.Before(began) || at.After(time.Now()) || job != "somejob.rdb" {
			t.Errorf("%s: not when and for which job it was kept, %v", path, err)
		}
		dump, err := os.ReadFile(path)
		must(t, err)
		s.Restore(t, dump)
		if n, err := c.Get(t.Context(), generation).Int(); err != nil || n != all-i {
			t.Errorf("checkpoint %d from the newest is of generation %d, %v", i+1, n, err)
		}
	}
}

func TestAfterTwoDamagedCheckpointsTheNewestSoundOneIsUsed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	keepGenerations(t, s, kept)
	paths, err := s.Kept()
	must(t, err)
	s.Kill(t)
	for _, path := range paths[:2] { // the newest is also dump.rdb
		text, err := os.ReadFile(path)
		must(t, err)
		text[len(text)/2] ^= 1
		must(t, os.WriteFile(path, text, 0o600))
	}
	var said lines
	_, err = redisd.Ensure(t.Context(), config(s), said.say)
	must(t, err)
	if n, err := c.Get(t.Context(), generation).Int(); err != nil || n != kept-2 {
		t.Errorf("came back with generation %d, %v", n, err)
	}
	for _, path := range paths[1:] {
		said.mustSay(t, "going back to "+filepath.Base(path))
	}
	aside, err := filepath.Glob(filepath.Join(s.DataDir, "dump.rdb.damaged-*"))
	must(t, err)
	if len(aside) != 2 {
		t.Errorf("put aside: %q", aside)
	}
	if left, err := s.Kept(); err != nil || len(left) != 1 || left[0] != paths[2] {
		t.Errorf("still kept: %q, %v", left, err)
	}
}
