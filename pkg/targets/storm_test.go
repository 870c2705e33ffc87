package targets

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/targets/config"
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
	s := newSession(config.Complete(Config{Dir: dir, Workers: 2, Redis: redisd.Config{Kind: server.Kind, Port: wished}}))
	must(t, s.open(ctx))
	own, err := s.scratch(ctx, 1<<20)
	must(t, err)
	e := own.experiment()
	defer e.End()
	must(t, e.Start(ctx))
	var unsealed []byte
	_, err = e.Attack(ctx, chaos.Fault{Name: "checkpoint", Inject: func(chaos.Attack, context.Context) (time.Duration, error) {
		unsealed = server.Checkpoint(t)
		return 0, nil
	}})
	must(t, err)
	lost, _, err := own.job.Folder().Sealed(own.job.ID())
	must(t, err)
	e.End()
	server.Restore(t, unsealed)
	var truth result.Counts
	must(t, e.Judge(ctx, &truth))
	if sealed, ok, err := own.job.Folder().Sealed(own.job.ID()); err != nil || !ok || sealed.Fence == lost.Fence {
		t.Errorf("the result that was lost is still the one that is published: %+v, %v", sealed, err)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
