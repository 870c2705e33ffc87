package result_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// store opens the store of a job.
func store(h *wordcounttest.Job) func(ctx context.Context, run string) (*shuffle.Store, error) {
	return func(ctx context.Context, run string) (*shuffle.Store, error) {
		if run != h.Run {
			h.TB.Errorf("the store of run %s was asked for", run)
		}
		return shuffle.Open(ctx, h.Dir)
	}
}

func TestUnsealedCountsAreThoseOfTheMapOutputs(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	h.Take("map", "w", wordcounttest.Tasks)
	says := func(what string, missing int, want ...count.Entry) {
		t.Helper()
		words, lacks, err := result.Unsealed(t.Context(), h.Client.Redis, h.Client.Job, store(h))
		if err != nil || lacks != missing || !slices.Equal(words, want) {
			t.Errorf("%s: %v, %d missing, %v", what, words, lacks, err)
		}
	}
	one, two, three := count.Entry{Word: "one", N: 1}, count.Entry{Word: "two", N: 2}, count.Entry{Word: "three", N: 3}
	says("nothing is committed", 3)
	h.MustCommit(2)
	says("one task is committed", 2, two)
	last := h.Counted(1, 3)
	if standings, err := h.Send(last); standings != nil || err != nil {
		t.Fatalf("%v, %v", standings, err)
	}
	says("all are", 0, three, two, one)
	h.Take("reduce", "w", 2)
	h.Store(0)
	// Stored partitions have all tasks, and must not be mixed with others.
	check.Must(t, h.Client.Redis.ZAdd(t.Context(), h.Client.Job.Key("counts"), redis.Z{Member: "more", Score: 3}).Err())
	says("a partition is stored", 0, three, two, one)
	check.Must(t, h.Outputs.Remove(last.Output))
	says("a map output is lost", 2, two)
}

func TestFault62WordsThatNoTableHoldsAreRefused(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Finish()
	rdb, job := h.Client.Redis, h.Client.Job
	key := job.Key("counts")
	for _, z := range []redis.Z{{Member: "", Score: 1}, {Member: strings.Repeat("w", count.MaxWord+1), Score: 1},
		{Member: "less", Score: -1}, {Member: "more", Score: 1 << 60}} {
		check.Must(t, rdb.ZAdd(t.Context(), key, z).Err())
		_, _, err := result.Unsealed(t.Context(), rdb, job, store(h))
		check.IsError(t, err, protocol.ErrState, "somebody else wrote it")
		check.Must(t, rdb.ZRem(t.Context(), key, z.Member).Err())
	}
	if _, _, err := result.Unsealed(t.Context(), rdb, job, store(h)); err != nil {
		t.Errorf("with its own words: %v", err)
	}
}
