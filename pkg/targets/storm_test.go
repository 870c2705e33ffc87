package targets

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
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
	own, err := s.guineaPig(ctx, 1<<20)
	must(t, err)
	defer own.endJobs()
	must(t, own.attacker().Ripen(ctx))
	unsealed := server.Checkpoint(t)
	truth, err := own.recount(ctx, own.plan)
	must(t, err)
	lost, err := own.attacker().Outlive(ctx)
	must(t, err)
	own.endJobs()
	server.Restore(t, unsealed)
	must(t, own.calm(ctx, truth))
	if sealed, ok, err := own.folder.Sealed(own.plan.Job.ID); err != nil || !ok || sealed.Fence == lost.Fence {
		t.Errorf("the result that was lost is still the one that is published: %+v, %v", sealed, err)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
