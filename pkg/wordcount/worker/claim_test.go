package worker

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestATaskThatIsDeliveredAgainIsCountedOnce(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.mapping("w")
	tasks, err := w.claims.readGroup(ctx, []protocol.Stream{"map"}, ">", 2, -1)
	check.Must(t, err)
	w.claims.take(tasks, false)
	check.Must(t, w.mapSplit(ctx, ctx, w.claims.todo[0])) // one is in the table, the other on the list
	if n, err := w.claims.reread(ctx); err != nil || n != 0 {
		t.Errorf("%d of its own tasks are new to it, %v", n, err)
	}
	for range len(w.claims.todo) {
		check.Must(t, w.mapSplit(ctx, ctx, w.claims.todo[0]))
	}
	check.Must(t, w.commitHeld(ctx))
	h.Expect("each is counted once", func(st protocol.Status) bool { return st.Mapped == 2 && st.Tokens == 3 && st.Pending() == 0 })
}

func TestATaskThatIsDeletedUnderItsOwnerIsNoticed(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.Client.Redis.XDel(ctx, h.Client.Job.Key("map"), "2-0").Err())
	_, err := h.mapping("w").claims.reread(ctx)
	check.IsError(t, err, protocol.ErrState, "task 2 was deleted", "clean")
	thief := h.mapping("thief")
	thief.claims.lease = 0
	if stolen, err := thief.claims.expired(ctx, wordcounttest.Tasks); err != nil || len(stolen) != 2 {
		t.Errorf("stolen: %v, %v", stolen, err)
	}
}
