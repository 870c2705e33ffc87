package protocol_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestThePhaseFollowsHowManyTasksAreDone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	ctx := t.Context()
	in := func(want protocol.Phase, mapped, reduced int) {
		t.Helper()
		h.Expect(fmt.Sprintf("%s, %d maps, %d reduces", want, mapped, reduced), func(st protocol.Status) bool {
			return st.Phase == want && st.Mapped == mapped && st.Reduced == reduced
		})
		handedOut := h.Client.Redis.XLen(ctx, h.Client.Job.StreamKey(protocol.Reduces)).Val()
		if handedOut != 0 && handedOut != 2 {
			t.Errorf("there are %d reduce tasks", handedOut)
		}
	}
	lose := func(c protocol.Commit) {
		check.Must(t, h.Client.Revoke(ctx, h.Run, c.Output, "host", errors.New("it is gone")))
		h.Steal("map", "w")
	}
	send := func(c protocol.Commit) protocol.Commit {
		standings, err := h.Send(c)
		if err != nil || standings != nil {
			t.Fatalf("commit of %v: %v, %v", c.Tasks, standings, err)
		}
		return c
	}
	h.Take("map", "w", wordcounttest.Tasks)
	in(protocol.Mapping, 0, 0)
	first := send(h.Counted(1, 2))
	in(protocol.Mapping, 2, 0)
	lose(first)
	in(protocol.Mapping, 0, 0)
	first = send(h.Counted(1, 2))
	second := send(h.Counted(3))
	in(protocol.Reducing, 3, 0)
	lose(second)
	in(protocol.Mapping, 2, 0)
	second = send(h.Counted(3))
	in(protocol.Reducing, 3, 0)
	h.Take("reduce", "w", 2)
	h.Store(0)
	in(protocol.Reducing, 3, 1)
	lose(second)
	in(protocol.Mapping, 2, 1)
	send(h.Counted(3))
	in(protocol.Reducing, 3, 1)

	// The totals of the other partition are of a complete list. They are right, and so they may be
	// stored, though the job has lost an output since.
	table, err := h.Merge(1)
	check.Must(t, err)
	lose(first)
	in(protocol.Mapping, 1, 1)
	var words []any
	for _, e := range table.Descending() {
		words = append(words, e.N, e.Word)
	}
	of := protocol.Totals{Nonce: "attempt", Partitions: []int{1}, Tokens: table.Tokens()}
	if now, err := h.Client.Store(ctx, h.Run, of, 0, words, true); err != nil || !now.Done {
		t.Errorf("in phase map: %+v, %v", now, err)
	}
	in(protocol.Mapping, 1, 2)
	send(h.Counted(1, 2))
	in(protocol.Done, 3, 2)
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("counted: %s", got)
	}
}

func TestAJobWithoutReducersIsDoneWithItsLastCommit(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2)
	h.Expect("a task is missing", func(st protocol.Status) bool { return st.Phase == protocol.Mapping })
	h.MustCommit(3)
	h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done && st.Mapped == 3 })
}

func TestAJobWithoutTasksHasNothingToMap(t *testing.T) {
	t.Parallel()
	for reducers, want := range []protocol.Phase{protocol.Done, protocol.Reducing} {
		h := wordcounttest.New(t, reducers)
		_, err := h.Client.Clean(t.Context(), h.Run)
		check.Must(t, err)
		_, err = h.Client.Seed(t.Context(), h.Run, h.Dir, 0, 1, nil)
		check.Must(t, err)
		h.Expect("no maps are missing", func(st protocol.Status) bool { return st.Phase == want })
		if tasks := h.Take("reduce", "w", 2); len(tasks) != reducers {
			t.Errorf("%d reducers: the reduce tasks are %v", reducers, tasks)
		}
		if reducers > 0 {
			h.Store(0)
		}
		h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done })
	}
}
