package worker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAWorkerWithNothingToDoStaysUntilTheJobIsSealed(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	_, err := h.Client.Clean(ctx, h.Run)
	check.Must(t, err)
	_, err = h.Client.Seed(ctx, h.Run, h.Dir, wordcounttest.Tasks, 1, plan.Entries(h.Splits[:1]))
	check.Must(t, err)
	h.start(DefaultLease)
	// It waits for a new task only after it has looked round, with nothing pending any more.
	for waits := false; !waits; {
		select {
		case <-h.left:
			t.Fatal("the worker left")
		default:
		}
		st, err := h.Client.Status(ctx)
		check.Must(t, err)
		waits = st.Mapped == 1 && strings.Contains(h.Client.Redis.ClientList(ctx).Val(), "cmd=xreadgroup")
	}
	check.Must(t, h.Seed())
	h.until(func(st protocol.Status) bool { return st.Phase == "done" })
}

func TestAWorkerStaysWithTheRunThatItReadFirst(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.mapping("w")
	check.Must(t, w.readJob(ctx))
	older := h.Run
	_, err := h.Client.Clean(ctx, older)
	check.Must(t, err)
	h.Run = "another run"
	check.Must(t, h.Seed())
	if err := w.readJob(ctx); !errors.Is(err, protocol.ErrOtherRun) || w.run != older {
		t.Errorf("it is with run %s, %v", w.run, err)
	}
}

func TestAWorkerThatFindsNoTaskLooksAtTheJobAgain(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	w := h.mapping("w")
	h.Take("map", "other", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	check.Must(t, w.fetch(t.Context()))
	if w.claims.Phase != "reduce" {
		t.Errorf("it thinks that the job is in phase %s", w.claims.Phase)
	}
}

func TestATaskThatIsDeliveredAgainIsCountedOnce(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.mapping("w")
	h.take(w, wordcounttest.Tasks)
	check.Must(t, w.mapSplit(ctx, ctx, w.todo[0])) // one is in the table, the others on the list
	if tasks, err := w.claims.Next(ctx, 1); err != nil || len(tasks) != 0 {
		t.Errorf("its own tasks %v are new to it, %v", tasks, err)
	}
	for len(w.todo) > 0 {
		check.Must(t, w.mapSplit(ctx, ctx, w.todo[0]))
	}
	check.Must(t, w.commitHeld(ctx))
	h.Expect("each is counted once", func(st protocol.Status) bool {
		return st.Mapped == wordcounttest.Tasks && st.Tokens == 6 && st.Pending() == 0
	})
}

func TestAWorkerTakesOverWhatOthersLeft(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} { // with reducers, backups of stragglers might do it for maps
		h := newHand(t, reducers)
		h.Take("map", "dead", wordcounttest.Tasks)
		if reducers > 0 {
			h.MustCommit(1, 2, 3)
			h.Take("reduce", "dead", 1)
		}
		h.start(100 * time.Millisecond)
		h.until(func(st protocol.Status) bool { return st.Phase == "done" })
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("counted: %s", got)
		}
	}
}
