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
	_, err := p.Commit(ctx, "run", []int{1}, 0, 0, protocol.Output{Nonce: "attempt", Partitions: [][]byte{nil}}, 0, 1)
	expect(t, err, protocol.ErrNoJob)
	_, _, err = p.Seed(ctx, "run", 2, 1, []protocol.Entry{{}, {}})
	check.Must(t, err)
	_, _, err = p.Seed(ctx, "run", 3, 1, nil)
	expect(t, err, protocol.ErrState)
	_, err = p.Commit(ctx, "other", []int{1}, 0, 0, protocol.Output{Nonce: "attempt", Partitions: [][]byte{nil}}, 0, 1)
	expect(t, err, protocol.ErrOtherRun)
	_, err = p.Commit(ctx, "run", []int{2, 1}, 0, 0, protocol.Output{Nonce: "attempt", Partitions: [][]byte{nil}}, 0, 1)
	expect(t, err, protocol.ErrState)
	_, err = p.Partition(ctx, "run", 0)
	expect(t, err, protocol.ErrPhase)
	_, err = p.Fence(ctx, "run", "fence")
	expect(t, err, protocol.ErrPhase)
	_, err = p.Page(ctx, "fence", 0, 1)
	expect(t, err, protocol.ErrNoResult)
	check.Must(t, p.Redis.Set(ctx, p.Job.Key("counts"), "not a sorted set", 0).Err())
	_, err = p.Commit(ctx, "run", []int{1}, 0, 0, protocol.Output{Nonce: "attempt", Partitions: [][]byte{nil}}, 0, 1)
	expect(t, err, protocol.ErrState)
}

func expect(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
}
