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
	for range protocol.AloneFrom {
		h.Steal("reduce", "w")
		_, err := h.Client.Release(t.Context(), h.Run, "w", true)
		check.Must(t, err)
	}
	heir := h.doing("heir", "reduce")
	if _, err := heir.list(heir.claims.Next(t.Context(), parts)); err != nil || len(heir.todo) != parts {
		t.Fatalf("stolen: %v, %v", heir.todo, err)
	}
	for left := parts; left > 0; left-- {
		check.Must(t, heir.reduce(t.Context())) // examines
		begun := h.Client.Redis.HVals(t.Context(), h.Client.Job.Key("attempts")).Val()
		begun = slices.DeleteFunc(begun, func(by string) bool { return by != "heir" })
		if n := parts - left + 1; len(begun) != n {
			t.Errorf("%d partitions were begun when %d should be", len(begun), n)
		}
		check.Must(t, heir.reduce(t.Context())) // stores
		if len(heir.todo) != left-1 {
			t.Errorf("%d partitions are left of %d", len(heir.todo), left)
		}
	}
}
