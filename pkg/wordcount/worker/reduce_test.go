package worker

import (
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAReduceThatRunsAloneIsBegunAlone(t *testing.T) {
	t.Parallel()
	const parts = 3
	h := newHand(t, parts)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	h.Take("reduce", "w", parts)
	w := h.doing("w", "reduce")
	for range protocol.AloneFrom {
		_, err := w.claims.expired(t.Context(), wordcounttest.Tasks)
		check.Must(t, err)
		_, err = h.Client.Release(t.Context(), h.Run, "w", true)
		check.Must(t, err)
	}
	heir := h.doing("heir", "reduce")
	stolen, err := heir.claims.expired(t.Context(), wordcounttest.Tasks)
	check.Must(t, err)
	heir.claims.take(stolen, true)
	for left := len(stolen); left > 0; left-- {
		check.Must(t, heir.reduce(t.Context())) // examines
		begun := h.Client.Redis.HVals(t.Context(), h.Client.Job.Key("attempts")).Val()
		begun = slices.DeleteFunc(begun, func(by string) bool { return by != "heir" })
		if n := len(stolen) - left + 1; len(begun) != n {
			t.Errorf("%d partitions were begun when %d should be", len(begun), n)
		}
		check.Must(t, heir.reduce(t.Context())) // stores
		if len(heir.claims.todo) != left-1 {
			t.Errorf("%d partitions are left of %d", len(heir.claims.todo), left)
		}
	}
}
