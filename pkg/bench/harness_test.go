package bench

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// small is a bench that takes a second or so, with servers that are processes on free ports.
func small(t *testing.T) bench {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	probe := redistest.Start(t) // tells how a server can be had here
	port, err := redisd.FreePort()
	must(t, err)
	probe.Kill(t)
	t.Cleanup(func() { nothingLeft(t, dir) })
	return bench{
		dir: dir, rounds: 1, scale: 0.001, pictures: filepath.Join(dir, "pictures"), killEvery: time.Second,
		env: []string{
			"WORDCOUNT_REDIS_KIND=" + string(probe.Kind), "WORDCOUNT_REDIS_PORT=" + strconv.Itoa(port), "WORDCOUNT_WORKERS=2",
			"GORACE=atexit_sleep_ms=0",           // a second, by default, for each process
			"REDIS_URL=redis://nobody.invalid:1", // has to be ignored
		},
		say: t.Logf, log: &results{}, recounts: map[string]tally{}, tb: t, quick: true,
	}
}

func smallCorpus(t *testing.T, b bench) corpusDir {
	t.Helper()
	c, err := b.corpus(t.Context(), 300_000, 5, 2_000)
	must(t, err)
	return c
}

// nothingLeft checks that a bench leaves its corpora and no more, and no server above all.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	states, _ := filepath.Glob(filepath.Join(dir, "jobs", "*", ".wordcount"))
	for _, state := range states {
		t.Errorf("%s is left", state)
		if s, err := redisd.Open(redisd.Config{Dir: state}); err == nil {
			s.Kill(context.Background())
		}
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if !slices.Contains([]string{"corpora", "jobs", "peers", "pictures"}, e.Name()) {
			t.Errorf("%s is left", e.Name())
		}
	}
}
