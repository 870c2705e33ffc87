package result_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestPartialCountsTakeWhatIsStoredFromThere(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 2, 2)
	for part := range 2 {
		h.Store(part)
		// Of a partition that isn't stored yet some totals may be there already.
		check.Must(t, h.Client.Redis.ZAdd(t.Context(), h.Client.Job.Key("counts"), redis.Z{Member: "three", Score: 3}, redis.Z{Member: "two", Score: 2}).Err())
		words, missing, err := result.Unsealed(t.Context(), h.Client.Redis, h.Client.Job)
		if want := []count.Entry{{Word: "three", N: 3}, {Word: "two", N: 2}, {Word: "one", N: 1}}; err != nil || missing != 0 || !slices.Equal(words, want) {
			t.Errorf("partition %d is stored: %v, %d missing, %v", part, words, missing, err)
		}
	}
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
		_, _, err := result.Unsealed(t.Context(), rdb, job)
		check.IsError(t, err, protocol.ErrState, "somebody else wrote it")
		check.Must(t, rdb.ZRem(t.Context(), key, z.Member).Err())
	}
	if _, _, err := result.Unsealed(t.Context(), rdb, job); err != nil {
		t.Errorf("with its own words: %v", err)
	}
}
