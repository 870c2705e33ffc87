package worker

import (
	"errors"
	"strings"
	"testing"

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
	_, _, err = h.Client.Seed(ctx, h.Run, wordcounttest.Tasks, 1, plan.Entries(h.Splits[:1]))
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
	if w.claims.phase != "reduce" {
		t.Errorf("it thinks that the job is in phase %s", w.claims.phase)
	}
}
