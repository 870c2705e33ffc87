package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/bench"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/targets"
)

// The tests' program stands in for a compiled magefile: it has the targets that a bench needs, and, as every program
// that imports the plugin, its workers.
func TestMain(m *testing.M) {
	target := map[string]func(context.Context) error{
		"redis:start": targets.Redis{}.Start,
		"run":         func(ctx context.Context) error { return targets.Run(ctx, nil, nil, nil) },
		"clean":       targets.Clean,
		"export": func(ctx context.Context) error {
			out := os.Args[2][len("-out="):]
			return targets.Export(ctx, &out, nil)
		},
	}
	if len(os.Args) > 1 && target[os.Args[1]] != nil {
		if err := target[os.Args[1]](context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
			os.Exit(mg.ExitStatus(err))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// small is a bench that takes a second or so, with servers that are processes on free ports.
func small(t *testing.T) bench.Bench {
	t.Helper()
	dir := t.TempDir()
	probe := redistest.Start(t) // tells how a server can be had here
	port, err := redisd.FreePort()
	must(t, err)
	t.Setenv("WORDCOUNT_REDIS_KIND", string(probe.Kind))
	t.Setenv("WORDCOUNT_REDIS_PORT", strconv.Itoa(port))
	t.Setenv("WORDCOUNT_WORKERS", "2")
	t.Setenv("GORACE", "atexit_sleep_ms=0")           // else every process sleeps for a second where the race detector watches
	t.Setenv("REDIS_URL", "redis://nobody.invalid:1") // has to be ignored
	probe.Kill(t)
	t.Cleanup(func() { nothingLeft(t, dir) })
	return bench.Bench{
		Dir: dir, Bytes: 300_000, Files: 5, Words: 2_000, Rounds: 1, Scale: 0.001, Pictures: filepath.Join(dir, "pictures"),
		Say: t.Logf,
	}
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
		if !slices.Contains([]string{"corpora", "jobs", "pictures"}, e.Name()) {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
