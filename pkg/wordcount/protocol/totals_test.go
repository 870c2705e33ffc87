package protocol_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestAPartitionIsStoredOnce(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 2, 1)
	h.Store(0)
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "reduce" && st.Pending() == 0 })
	before := h.Counts()
	for part, want := range []string{protocol.Settled, protocol.Undelivered} {
		for _, last := range []bool{false, true} {
			now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "again", Partitions: []int{part}, Tokens: 9}, 0, []any{9, "wrong"}, last)
			if err != nil || !slices.Equal(now.Standings, []string{want}) {
				t.Errorf("partition %d again: %+v, %v; want %s", part, now, err, want)
			}
		}
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "reduce" })
	if after := h.Counts(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestTotalsOfAnotherRunAreNotStored(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 1, 1)
	mine := h.Run
	h.Client.Redis.AddHook(wordcounttest.Answered(t, "place", 1, func() error {
		_, err := h.Client.Clean(t.Context(), mine)
		check.Must(t, err)
		h.Run = "another run"
		check.Must(t, h.Seed())
		return nil
	}))
	if now, err := h.Client.Store(t.Context(), mine, protocol.Totals{Nonce: "a", Partitions: []int{0}, Tokens: 9}, 0, []any{9, "wrong"}, true); !errors.Is(err, redis.TxFailedErr) || !protocol.Transient(err) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := h.Counts(); got != "" {
		t.Errorf("the next run found %s", got)
	}
}

func TestTotalsJoinOnToWhatTheirAttemptHasStored(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 1, 1)
	put := func(attempt string, from int, last bool, words ...any) protocol.Progress {
		now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: attempt, Partitions: []int{0}, Tokens: 6}, from, words, last)
		check.Must(t, err)
		return now
	}
	for _, c := range []struct {
		attempt     string
		from        int
		last        bool
		words       []any
		want        int
		what, found string
	}{
		{"given up", 0, false, []any{3, "three"}, 1, "the first words of an attempt that dies", "three+++"},
		{"a", 0, false, []any{3, "three"}, 1, "the first words of another", "three+++"},
		{"a", 0, false, []any{9, "repeated"}, 1, "the same once more, as after a lost reply", "three+++"},
		{"a", 2, false, []any{9, "gap"}, 1, "what would leave a gap", "three+++"},
		{"a", 2, true, []any{9, "gap"}, 1, "the last words, behind a gap", "three+++"},
		{"rolled back", 2, true, []any{9, "gone"}, 0, "the last words of an attempt of which nothing is there any more", "three+++"},
		{"a", 1, false, []any{2, "two"}, 2, "the next words", "three+++ two++"},
	} {
		if now := put(c.attempt, c.from, c.last, c.words...); now.Done || now.Standings != nil || now.Offset != c.want {
			t.Errorf("%s: %+v, want %d words", c.what, now, c.want)
		}
		if got := h.Counts(); got != c.found {
			t.Errorf("%s: stored are %s", c.what, got)
		}
	}
	// It isn't enough to have asked before: the function itself holds to it.
	for _, last := range []bool{false, true} {
		now, err := h.Client.Redis.FCall(t.Context(), protocol.Function("put"), h.Client.Job.Keys(), h.Run, "a", 1, 0, 3, 1, last, 6).Slice()
		if err != nil || !slices.Equal(now, []any{"at", int64(2)}) {
			t.Errorf("behind a gap, last %v: %v, %v", last, now, err)
		}
	}
	h.Expect("nothing is acknowledged", func(st protocol.Status) bool { return st.Reduced == 0 && st.Pending() == 1 })
	if now := put("a", 2, true, 1, "one"); !now.Done {
		t.Errorf("the last words: %+v", now)
	}
	h.Expect("all is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "done" && st.Pending() == 0 })
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("stored: %s", got)
	}
	meta := h.Client.Redis.HGetAll(t.Context(), h.Client.Job.Key("meta")).Val()
	for field := range meta {
		if strings.HasPrefix(field, "storing") {
			t.Errorf("%s was left behind", field)
		}
	}
	if meta["stored"] != "6" {
		t.Errorf("%s words are stored, not 6", meta["stored"])
	}
}

func TestPartitionsAreStoredTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 3, 2)
	h.Store(0)
	before := h.Counts()
	for _, last := range []bool{false, true} {
		now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "a", Partitions: []int{0, 1, 2}, Tokens: 9}, 0, []any{9, "wrong"}, last)
		if want := []string{protocol.Settled, protocol.Pending, protocol.Undelivered}; err != nil || !slices.Equal(now.Standings, want) {
			t.Errorf("%+v, %v; want %v", now, err, want)
		}
	}
	for _, parts := range [][]int{{1, 1}, {2, 1}, {1, 3}, {}} {
		if _, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "a", Partitions: parts, Tokens: 9}, 0, []any{9, "wrong"}, true); !errors.Is(err, protocol.ErrState) {
			t.Errorf("partitions %v: %v", parts, err)
		}
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Pending() == 1 })
	if after := h.Counts(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestNothingIsStoredOnceAllIs(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Finish()
	check.Must(t, h.Client.Redis.XGroupSetID(t.Context(), h.Client.Job.Key("reduce"), "workers", "0").Err())
	h.Take("reduce", "w", 1)
	if now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "again", Partitions: []int{0}, Tokens: 0}, 0, nil, true); !errors.Is(err, protocol.ErrState) {
		t.Errorf("%+v, %v", now, err)
	}
	h.Expect("all is as it was", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "done" })
}

// What the same run does meanwhile doesn't matter. The totals are of a complete list of outputs.
func TestTotalsAreStoredWhateverTheirRunDoesMeanwhile(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2)
	lost := h.Counted(3)
	_, err := h.Send(lost)
	check.Must(t, err)
	h.Take("reduce", "w", 1)
	h.Client.Redis.AddHook(wordcounttest.Answered(t, "place", 1, func() error {
		check.Must(t, h.Client.Revoke(t.Context(), h.Run, lost.Output, "host", errors.New("it is gone")))
		h.Steal("map", "thief")
		return nil
	}))
	h.Store(0)
	h.Expect("the totals are stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == protocol.Mapping })
	h.MustCommit(3)
	h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done })
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("stored: %s", got)
	}
}
