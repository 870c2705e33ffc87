package targets

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/chaos/experiment"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// ownJob is a job for experiments in a folder and on a server of its own.
func ownJob(t *testing.T) (*session, *redistest.Server) {
	t.Helper()
	dir := t.TempDir()
	server := redistest.StartIn(t, filepath.Join(dir, "chaos"))
	_, port, err := net.SplitHostPort(server.Addr)
	check.Must(t, err)
	wished, err := strconv.Atoi(port)
	check.Must(t, err)
	s := newSession(config.Complete(Config{Dir: dir, Workers: 2, Redis: redisd.Config{Kind: server.Kind, Port: wished}}))
	check.Must(t, s.open(t.Context()))
	own, err := s.scratch(t.Context(), 1<<20)
	check.Must(t, err)
	return own, server
}

func TestAJobThatIsStartedAnewKeepsNoCheckpointOfTheOneBefore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	own, server := ownJob(t)
	e := own.experiment()
	defer e.End()
	check.Must(t, e.Start(ctx))
	_, err := e.Attack(ctx)
	check.Must(t, err)
	e.End()
	before, err := server.Kept()
	check.Must(t, err)
	if len(before) == 0 {
		t.Fatal("a job is sealed, and no checkpoint is kept")
	}
	check.Must(t, e.Start(ctx))
	after, err := server.Kept()
	check.Must(t, err)
	for _, path := range after {
		if slices.Contains(before, path) {
			t.Errorf("%s is still kept", path)
		}
	}
}

func TestAStormRunsAJobAgainWhoseResultWasRolledBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	own, server := ownJob(t)
	e := own.experiment()
	defer e.End()
	check.Must(t, e.Start(ctx))
	var unsealed []byte
	_, err := e.Attack(ctx, chaos.Fault{Name: "checkpoint", Inject: func(chaos.Attack, context.Context) (time.Duration, error) {
		unsealed = server.Checkpoint(t)
		return 0, nil
	}})
	check.Must(t, err)
	lost, _, err := own.job.Folder().Sealed(own.job.ID())
	check.Must(t, err)
	e.End()
	server.Restore(t, unsealed)
	var truth experiment.Truth
	check.Must(t, e.Judge(ctx, &truth))
	sealed, ok, err := own.job.Folder().Sealed(own.job.ID())
	if err != nil || !ok || sealed.Fence == lost.Fence {
		t.Errorf("the result that was lost is still the one that is published: %+v, %v", sealed, err)
	}
	sealed.Tally.Records++ // the counts of a later job may be right, and its tally wrong
	check.Must(t, own.job.Folder().Publish(own.job.ID(), sealed))
	check.IsError(t, e.Judge(ctx, &truth), wordcount.ErrDifferent, "of its records")
}
