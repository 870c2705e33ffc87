package targets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
)

func TestAStormRunsAJobAgainWhoseResultWasRolledBack(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	server := redistest.StartIn(t, filepath.Join(dir, "chaos"))
	_, port, err := net.SplitHostPort(server.Addr)
	must(t, err)
	wished, err := strconv.Atoi(port)
	must(t, err)
	s := newSession(Config{Dir: dir, Workers: 2, Redis: redisd.Config{Kind: server.Kind, Port: wished}}.complete())
	must(t, s.open(ctx))
	own, err := s.scratchJob(ctx, 1<<20)
	must(t, err)
	defer own.endJobs()
	a, err := own.attacker(ctx)
	must(t, err)
	must(t, a.WaitForProgress(ctx))
	unsealed := server.Checkpoint(t)
	lost, err := a.AwaitSeal(ctx)
	must(t, err)
	own.endJobs()
	server.Restore(t, unsealed)
	var truth result.Counts
	must(t, own.calm(ctx, &truth))
	if sealed, ok, err := own.job.Folder().Sealed(own.job.ID()); err != nil || !ok || sealed.Fence == lost.Fence {
		t.Errorf("the result that was lost is still the one that is published: %+v, %v", sealed, err)
	}
}

func TestATableOfFaultsHasTheVerdictOfEach(t *testing.T) {
	t.Parallel()
	incomplete := fmt.Errorf("%w: the supervisor ended without a result\nand more", protocol.ErrIncomplete)
	different := fmt.Errorf("%w: 5 distinct, 1 missing, 0 surplus, 0 different: please report this", protocol.ErrDifferent)
	faults := []chaos.Fault{chaos.KillWorker, chaos.PauseRedis, chaos.RestartRedis, chaos.DropReplies}
	results := map[string]error{"pauseRedis": incomplete, "restartRedis": different}
	var out strings.Builder
	err := tabulate(t.Context(), &out, faults, func(f chaos.Fault) (outcome, error) {
		return outcome{1500 * time.Microsecond, 1}, results[f.Name]
	})
	if want := `FAULT         TIMES  RECOVERY  REDONE  VERDICT
killWorker    1      2ms       1 task  exact
pauseRedis    1      -         -       incomplete: the supervisor ended without a result…
restartRedis  1      -         -       different: 5 distinct, 1 missing, 0 surplus, 0 different: please report this
dropReplies   1      2ms       1 task  exact
`; out.String() != want {
		t.Errorf("it is\n%s, want\n%s", &out, want)
	}
	if !errors.Is(err, protocol.ErrDifferent) || mg.ExitStatus(coded(t.Context(), err)) != exitDifferent ||
		!strings.HasPrefix(err.Error(), "2 faults were not exact; restartRedis: different: ") {
		t.Errorf("it ends with %v", err)
	}

	out.Reset()
	if err := tabulate(t.Context(), &out, faults, func(chaos.Fault) (outcome, error) { return outcome{}, nil }); err != nil {
		t.Errorf("all exact: %v", err)
	}

	out.Reset()
	ctx, interrupt := context.WithCancel(t.Context())
	err = tabulate(ctx, &out, faults, func(f chaos.Fault) (outcome, error) {
		if f.Name == "pauseRedis" {
			interrupt()
		}
		return outcome{}, ctx.Err()
	})
	if rows := strings.Count(out.String(), "\n"); rows != 2 || mg.ExitStatus(coded(ctx, err)) != exitInterrupted {
		t.Errorf("interrupted: %v, after\n%s", err, &out)
	}
}

func TestAStormTellsWhatWasOutlivedHoweverItEnds(t *testing.T) {
	t.Parallel()
	for _, end := range []error{nil, protocol.ErrDifferent} {
		var out strings.Builder
		err := tally(&out, []chaos.Fault{chaos.KillWorker, chaos.PauseRedis}, func(outlived func(chaos.Fault)) error {
			outlived(chaos.PauseRedis)
			outlived(chaos.PauseRedis)
			return end
		})
		if want := "FAULT       TIMES\nkillWorker  0\npauseRedis  2\n"; out.String() != want || !errors.Is(err, end) {
			t.Errorf("%v, after\n%s, want\n%s", err, &out, want)
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
