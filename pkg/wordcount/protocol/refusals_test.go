package protocol_test

import (
	"errors"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// Every refusal of the library must arrive as the error that callers act on.
func TestRefusalsArriveAsTheErrorsThatTheyAre(t *testing.T) {
	t.Parallel()
	p := protocol.Client{Redis: redistest.Start(t).Client(t), Job: protocol.Job{ID: "refusals", Reducers: 1}}
	ctx := t.Context()
	commit := func(run string, tasks ...int) error {
		_, err := p.Commit(ctx, run, protocol.Commit{Tasks: tasks, Output: "output"})
		return err
	}
	expect(t, commit("run", 1), protocol.ErrNoJob)
	_, err := p.Seed(ctx, "run", "store", 2, 1, []protocol.Entry{{}, {}})
	check.Must(t, err)
	_, err = p.Seed(ctx, "run", "store", 3, 1, nil)
	expect(t, err, protocol.ErrState)
	expect(t, commit("other", 1), protocol.ErrOtherRun)
	expect(t, commit("run", 2, 1), protocol.ErrState)
	_, err = p.Outputs(ctx, "run")
	expect(t, err, protocol.ErrPhase)
	_, err = p.Fence(ctx, "run", "fence")
	expect(t, err, protocol.ErrPhase)
	_, err = p.Page(ctx, "fence", 0, 1)
	expect(t, err, protocol.ErrNoResult)
	check.Must(t, p.Redis.Set(ctx, p.Job.Key("counts"), "not a sorted set", 0).Err())
	expect(t, commit("run", 1), protocol.ErrState)
}

func expect(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
}
