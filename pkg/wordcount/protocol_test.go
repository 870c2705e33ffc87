package wordcount

import (
	"errors"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// Every refusal of the library must arrive as the error that callers act on.
func TestRefusalsArriveAsTheErrorsThatTheyAre(t *testing.T) {
	t.Parallel()
	p := protocol{redistest.Start(t).Client(t), Job{ID: "refusals", Reducers: 1}}
	ctx := t.Context()
	_, err := p.commit(ctx, "run", []int{1}, 0, 0, effect{attempt: "attempt", partials: [][]byte{nil}}, 0, 1)
	expect(t, err, errNoJob)
	_, _, err = p.seed(ctx, "run", 2, 1, []Split{{}, {}})
	must(t, err)
	_, _, err = p.seed(ctx, "run", 3, 1, nil)
	expect(t, err, ErrState)
	_, err = p.commit(ctx, "other", []int{1}, 0, 0, effect{attempt: "attempt", partials: [][]byte{nil}}, 0, 1)
	expect(t, err, errOtherRun)
	_, err = p.commit(ctx, "run", []int{2, 1}, 0, 0, effect{attempt: "attempt", partials: [][]byte{nil}}, 0, 1)
	expect(t, err, ErrState)
	_, err = p.partition(ctx, "run", 0)
	expect(t, err, errPhase)
	_, err = p.final(ctx, "run", "fence")
	expect(t, err, errPhase)
	_, err = p.result(ctx, "fence", 0, 1)
	expect(t, err, ErrNoResult)
	must(t, p.rdb.Set(ctx, p.job.Key("counts"), "not a sorted set", 0).Err())
	_, err = p.commit(ctx, "run", []int{1}, 0, 0, effect{attempt: "attempt", partials: [][]byte{nil}}, 0, 1)
	expect(t, err, ErrState)
}

func expect(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
}
