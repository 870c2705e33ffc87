package targets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/graph"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// small is a job of one task that is soon done, with a server of its own.
func small(t *testing.T) Config {
	t.Helper()
	dir, input := t.TempDir(), filepath.Join(t.TempDir(), "text")
	check.Must(t, os.WriteFile(input, []byte("a b a"), 0o600))
	server := redistest.StartIn(t, dir)
	return Config{Dir: dir, Inputs: []string{input}, Workers: 1, Redis: redisd.Config{Kind: server.Kind}}
}

func TestAnAttackOnASealedJobReturnsAndSaysSo(t *testing.T) {
	t.Parallel()
	c := small(t)
	if err := graph.Run(t.Context(), Job(c)); err != nil {
		t.Fatal(err)
	}
	for name, attack := range map[string]func() error{
		"Attack":   func() error { return Attack(t.Context(), c, chaos.KillWorker) },
		"Attacked": func() error { return graph.Run(t.Context(), Attacked(c, chaos.KillWorker)) },
	} {
		if err := attack(); mg.ExitStatus(err) != failure.ExitIncomplete || !strings.Contains(err.Error(), "sealed already") {
			t.Errorf("%s: exit %d: %v", name, mg.ExitStatus(err), err)
		}
	}
}

func TestAnAttackOnAJobThatEndsFirstReturnsAndSaysSo(t *testing.T) {
	t.Parallel()
	c := small(t)
	late := chaos.Fault{Name: "late", Inject: func(a chaos.Attack, ctx context.Context) (recovery time.Duration, err error) {
		if _, err := a.AwaitSeal(ctx); err != nil {
			return 0, err
		}
		return chaos.KillWorker.Inject(a, ctx)
	}}
	err := graph.Run(t.Context(), Attacked(c, late))
	if mg.ExitStatus(err) != failure.ExitIncomplete || !strings.Contains(err.Error(), "the job ended before the fault could hit it") {
		t.Errorf("exit %d: %v", mg.ExitStatus(err), err)
	}
}

func TestAnAttackOnAJobThatFailsReportsTheFailureOfTheJob(t *testing.T) {
	t.Parallel()
	c := small(t)
	c.Inputs = []string{filepath.Join(t.TempDir(), "missing")}
	err := graph.Run(t.Context(), Attacked(c, chaos.KillWorker))
	if mg.ExitStatus(err) != failure.ExitInput || strings.Contains(err.Error(), "attack") {
		t.Errorf("exit %d: %v", mg.ExitStatus(err), err)
	}
}

func TestWhatIsDiscardedIsGoneAndNothingElse(t *testing.T) {
	t.Parallel()
	c := small(t)
	if err := graph.Run(t.Context(), Job(c)); err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(c.Dir, "theirs")
	check.Must(t, os.WriteFile(theirs, nil, 0o600))
	server, err := redisd.Open(redisd.Config{Dir: c.Dir})
	check.Must(t, err)
	over, interrupt := context.WithCancel(t.Context())
	interrupt()
	check.Must(t, Discard(over, c))
	if rdb, err := server.Endpoint().Client("test"); err == nil {
		if err := rdb.Ping(t.Context()).Err(); err == nil {
			t.Error("its server still answers")
		}
		rdb.Close()
	}
	left, err := os.ReadDir(c.Dir)
	check.Must(t, err)
	if len(left) != 1 || left[0].Name() != "theirs" {
		t.Errorf("left are %v", left)
	}
	check.Must(t, Discard(over, c)) // what is gone already
	if _, err := redisd.Open(redisd.Config{Dir: c.Dir}); !errors.Is(err, redisd.ErrNone) {
		t.Errorf("its server is still known: %v", err)
	}
}
