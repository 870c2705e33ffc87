package worker

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

const (
	manyWords = 300_000 // more than fit into leastRoom
	atRunTwo  = 15      // which call stores some of the second run
)

// beyondMemory is a job of one partition that doesn't fit into the memory of the worker, which has it.
// keep is what the job keeps in the sorted set; 0: all.
func beyondMemory(t *testing.T, keep int) (*hand, *Worker) {
	t.Helper()
	h := &hand{Job: wordcounttest.NewOn(t, redistest.Start(t), map[string]string{"1": check.Words(manyWords)}, plan.Options{WholeFiles: true, Reducers: 1, Keep: keep})}
	h.Take("map", "w", 1)
	h.MustCommit(1)
	w := h.worker(Spec{Consumer: "w", Memory: 1}, protocol.Reducing)
	check.Must(t, w.fetch(t.Context()))
	return h, w
}

// isComplete checks that each word is stored once.
func (h *hand) isComplete() {
	h.TB.Helper()
	h.Expect("the job is done", func(st protocol.Status) bool { return st.Phase == protocol.Done })
	ctx, key := h.TB.Context(), h.Client.Job.Key("counts")
	if all, once := h.Client.Redis.ZCard(ctx, key).Val(), h.Client.Redis.ZCount(ctx, key, "1", "1").Val(); all != manyWords || once != manyWords {
		h.TB.Errorf("%d words, %d of them once", all, once)
	}
}

func TestFault64TotalsThatDoNotFitIntoMemoryAreSortedRuns(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 0)
	totals, err := w.merger.totals(t.Context(), w.outputs, w.run, w.reducible(), w.spec.Memory)
	check.Must(t, err)
	seen := map[string]bool{}
	runs := 1
	for ; ; runs++ {
		for i := range totals.run.Len() {
			e := totals.run.At(i)
			if e.N != 1 || seen[e.Word] || i > 0 && e.Word <= totals.run.At(i-1).Word {
				t.Fatalf("run %d has %v", runs, e)
			}
			seen[e.Word] = true
		}
		if totals.last() {
			break
		}
		check.Must(t, totals.next(t.Context()))
	}
	if runs < 3 || len(seen) != manyWords {
		t.Errorf("%d runs have %d words", runs, len(seen))
	}
	check.Must(t, w.reduce(t.Context()))
	h.isComplete()
}

func TestFault64WhatARollbackTookOfAnEarlierRunIsStoredAgain(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 0)
	h.Client.Redis.AddHook(wordcounttest.On("place", atRunTwo, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		meta, counts := h.Client.Job.Key("meta"), h.Client.Job.Key("counts")
		for field := range h.Client.Redis.HGetAll(ctx, meta).Val() {
			if strings.HasPrefix(field, "storing ") {
				check.Must(t, h.Client.Redis.HDel(ctx, meta, field).Err())
			}
		}
		check.Must(t, h.Client.Redis.Del(ctx, counts).Err())
		return next(ctx, cmd)
	}))
	check.Must(t, w.reduce(t.Context()))
	if len(w.todo) != 1 {
		t.Fatalf("it has %v to do", w.todo)
	}
	check.Must(t, w.reduce(t.Context()))
	h.isComplete()
}

func TestFault64AMapOutputThatIsLostBetweenTwoRunsIsRevoked(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 0)
	h.Client.Redis.AddHook(wordcounttest.On("place", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		check.Must(t, os.Truncate(h.files()[0], 1000))
		return next(ctx, cmd)
	}))
	check.Must(t, w.reduce(t.Context()))
	h.Expect("its task runs again", func(st protocol.Status) bool { return st.Revoked == 1 && st.Mapped == 0 && st.Buried == 0 })
	h.start(DefaultLease)
	h.until(func(st protocol.Status) bool { return st.Phase == protocol.Done })
	h.isComplete()
}
