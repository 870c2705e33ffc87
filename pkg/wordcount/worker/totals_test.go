package worker

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

const (
	manyWords = 300_000 // more than fit into the least memory
	atRunTwo  = 15      // which call stores some of the second run
)

// beyondMemory is a job of partitions that don't fit into the memory of the worker, which has them. keep
// is what the job keeps in the sorted set; 0: all.
func beyondMemory(t *testing.T, partitions, keep int) (*hand, *Worker) {
	t.Helper()
	files := map[string]string{"1": check.Words(partitions * manyWords)}
	h := &hand{Job: wordcounttest.NewOn(t, redistest.Start(t), files, plan.Options{WholeFiles: true, Reducers: partitions, Keep: keep})}
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
	h, w := beyondMemory(t, 1, 0)
	totals, err := w.merger.Totals(t.Context(), w.outputs, w.run, partitionsOf(w.reducible()))
	check.Must(t, err)
	if runs := len(h.files()) - 1; runs < 3 || totals.Tokens != manyWords { // one is the map output
		t.Errorf("%d runs have %d words", runs, totals.Tokens)
	}
	var before count.Entry
	words := 0
	for e, err := range totals.Words() {
		check.Must(t, err)
		if e.N != 1 || words > 0 && !before.Before(e) {
			t.Fatalf("%v follows %v", e, before)
		}
		before = e
		words++
	}
	if words != manyWords {
		t.Errorf("there are %d words", words)
	}
	totals.Discard()
	if files := h.files(); len(files) != 1 {
		t.Errorf("runs are left: %v", files)
	}
	check.Must(t, w.reduce(t.Context()))
	h.isComplete()
}

func TestFault64WhatARollbackTookOfAnEarlierRunIsStoredAgain(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 1, 0)
	h.Client.Redis.AddHook(wordcounttest.On(t, "place", atRunTwo, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
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

func TestFault05AStoreWhoseAnswersAreLostGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 1, 0)
	attempts := 0
	h.Client.Redis.AddHook(wordcounttest.On(t, "place", 5, wordcounttest.LoseReply))
	h.Client.Redis.AddHook(wordcounttest.On(t, "place", atRunTwo, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		for field := range h.Client.Redis.HGetAll(ctx, h.Client.Job.Key("meta")).Val() {
			if strings.HasPrefix(field, "storing ") {
				attempts++
			}
		}
		return errors.Join(next(ctx, cmd), wordcounttest.ErrLost)
	}))
	check.Must(t, w.reduce(t.Context()))
	if attempts != 1 {
		t.Errorf("there were %d attempts", attempts)
	}
	h.isComplete()
}

// afterSpill is a context that does something when a merge looks at it and more than so many runs are
// spilled.
type afterSpill struct {
	context.Context
	h    *hand
	runs int
	do   *func()
}

func (c afterSpill) Err() error {
	if do := *c.do; do != nil && len(c.h.files()) > 1+c.runs { // one is the map output
		*c.do = nil
		do()
	}
	return c.Context.Err()
}

// loseAfter lets a worker reduce, and loses the map output when more than so many runs are spilled.
func (h *hand) loseAfter(w *Worker, runs int) {
	h.TB.Helper()
	output := h.files()[0]
	lose := func() { check.Must(h.TB, os.Truncate(output, 1000)) }
	check.Must(h.TB, w.reduce(afterSpill{h.TB.Context(), h, runs, &lose}))
	if lose != nil {
		h.TB.Fatal("nothing was lost")
	}
	h.Expect("its task runs again", func(st protocol.Status) bool {
		return st.Revoked == 1 && st.Mapped == 0 && st.Reduced == 0 && st.Buried == 0
	})
}

func TestFault64AMapOutputThatIsLostBetweenTwoRunsIsRevoked(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 1, 0)
	h.loseAfter(w, 0)
	h.start(DefaultLease)
	h.until(func(st protocol.Status) bool { return st.Phase == protocol.Done })
	h.isComplete()
}

func TestFault64APartitionOfWhichAPartIsLostIsNotStored(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 2, 0)
	_, err := w.list(w.claims.Take(t.Context(), protocol.Reduces, 1)) // the other one
	check.Must(t, err)
	first, err := w.merger.Totals(t.Context(), w.outputs, w.run, partitionsOf(w.todo[:1]))
	check.Must(t, err)
	runs := len(h.files()) - 1
	first.Discard()
	h.loseAfter(w, runs)
}
