package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestWhatARefusedBatchHasLeftIsCountedAnew(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.holding(2)
	h.MustCommit(1) // somebody else is faster with one of the two
	check.Must(t, w.commitHeld(ctx))
	for range 10 {
		if len(w.todo) > 0 {
			check.Must(t, w.step(ctx, ctx))
		}
	}
	check.Must(t, w.commitHeld(ctx))
	h.Expect("each is counted once", func(st protocol.Status) bool { return st.Mapped == 2 && st.Tokens == 3 })
}

func TestWhatIsRefusedIsCountedAnewTogetherAndThenAlone(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.holding(wordcounttest.Tasks)
	for n := 1; n < wordcounttest.Tasks; n++ {
		h.MustCommit(n) // somebody else is faster with one of them, again and again
		check.Must(t, w.commitHeld(ctx))
		if len(w.todo) != wordcounttest.Tasks-n || w.todo[0].Alone != (n > 1) {
			t.Errorf("after %d refusals it has %+v to do", n, w.todo)
		}
		for n == 1 && len(w.todo) > 0 {
			check.Must(t, w.step(ctx, ctx))
		}
	}
	check.Must(t, w.step(ctx, ctx))
	h.Expect("each is counted once", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks && st.Tokens == 6 })
	if w.committer.refused != 0 {
		t.Error("the next one that is refused would be the third in a row")
	}
}

func TestWhatARollbackTookFromARefusedBatchIsForgotten(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.holding(2)
	// As a snapshot from before the delivery has it.
	stream := h.Client.Job.Key("map")
	check.Must(t, h.Client.Redis.XGroupDestroy(ctx, stream, "workers").Err())
	check.Must(t, h.Client.Redis.XGroupCreate(ctx, stream, "workers", "0").Err())
	check.Must(t, w.commitHeld(ctx))
	if len(w.todo) > 0 || w.committer.sent != nil {
		t.Errorf("it keeps %v", w.todo)
	}
	// They come again, to it as to anyone.
	if n := h.take(w, 2); n != 2 {
		t.Errorf("%d of 2 are new to it", n)
	}
}

func TestAWorkerHasOneCommitUnderWayAtATime(t *testing.T) {
	t.Parallel()
	for what, more := range map[string]func(*Worker, context.Context) error{
		"one that is due":      func(w *Worker, ctx context.Context) error { return w.step(ctx, ctx) },
		"the last before idle": (*Worker).commitHeld,
	} {
		t.Run(what, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{}) // outside, for it looks names up
			defer rdb.Close()
			m, err := plan.Scan(t.Context(), []string{check.Folder(t, map[string]string{"1": "word"})}, "", plan.Options{})
			check.Must(t, err)
			split := plan.New(m, plan.Options{}).Splits()[0]
			synctest.Test(t, func(t *testing.T) {
				begun, answer := 0, make(chan struct{})
				rdb.AddHook(wordcounttest.Hook(func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
					begun++
					<-answer
					cmd.(*redis.Cmd).SetVal([]any{"committed"})
					return nil
				}))
				job := protocol.Job{ID: "job"}
				w := newWorker(t, rdb, Spec{Job: job})
				w.run = "a run"
				hold := func(n int) {
					tokens, err := w.count(t.Context(), split)
					check.Must(t, err)
					w.combiner.Hold(claim.Task{TaskID: protocol.TaskID{Stream: "map", Number: n}}, tokens, time.Time{})
				}
				hold(1)
				check.Must(t, w.step(t.Context(), t.Context()))
				hold(2)
				done := make(chan error)
				go func() { done <- more(w, t.Context()) }()
				synctest.Wait() // both the commit and the worker wait for the answer
				if begun != 1 {
					t.Errorf("%d commits are under way", begun)
				}
				close(answer)
				check.Must(t, <-done)
				check.Must(t, w.awaitCommit(t.Context()))
				if begun != 2 || w.uncommitted() {
					t.Errorf("after %d commits it keeps %v", begun, w.todo)
				}
			})
		})
	}
}
