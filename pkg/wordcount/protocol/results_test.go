package protocol_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// newFilling is a job that keeps so many words, with all partitions stored.
func newFilling(t *testing.T, keep int) *wordcounttest.Job {
	t.Helper()
	h := wordcounttest.NewKeeping(t, 2, keep)
	h.Finish()
	return h
}

func fill(h *wordcounttest.Job, from int, last bool, words ...any) protocol.Filling {
	h.TB.Helper()
	now, err := h.Client.Fill(h.TB.Context(), h.Run, from, words, last)
	check.Must(h.TB, err)
	return now
}

func TestAPartitionsFileIsNamedOnce(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewKeeping(t, 2, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	h.Take("reduce", "w", 1)
	named := h.Publish(0)
	store := func(files ...protocol.ResultFile) []string {
		t.Helper()
		standings, err := h.Client.StoreFiles(t.Context(), h.Run, files)
		check.Must(t, err)
		return standings
	}
	if standings := store(named); standings != nil {
		t.Fatal(standings)
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "reduce" && st.Pending() == 0 })
	for part, want := range []string{protocol.Settled, protocol.Undelivered} {
		if standings := store(protocol.ResultFile{Partition: part, Name: "another", Tokens: 9}); !slices.Equal(standings, []string{want}) {
			t.Errorf("partition %d again: %v; want %s", part, standings, want)
		}
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "reduce" })
	h.Take("reduce", "w", 1)
	h.Store(1)
	files, now, err := h.Client.Results(t.Context(), h.Run)
	if err != nil || now != (protocol.Filling{}) || files[0] != named || files[1].Partition != 1 || files[0].Tokens+files[1].Tokens != 6 {
		t.Errorf("%+v, %+v, %v", files, now, err)
	}
	h.Expect("all is stored", func(st protocol.Status) bool { return st.Reduced == 2 && st.Phase == "done" && st.Pending() == 0 })
	if stored := h.Client.Redis.HGet(t.Context(), h.Client.Job.Key("meta"), "stored").Val(); stored != "6" {
		t.Errorf("%s words are stored, not 6", stored)
	}
	if got := h.Counts(); got != "" {
		t.Errorf("the sorted set has %s", got)
	}
}

func TestFilesAreNamedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewKeeping(t, 3, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	h.Take("reduce", "w", 2)
	h.Store(0)
	file := func(partition int) protocol.ResultFile { return protocol.ResultFile{Partition: partition, Name: "x"} }
	standings, err := h.Client.StoreFiles(t.Context(), h.Run, []protocol.ResultFile{file(0), file(1), file(2)})
	if want := []string{protocol.Settled, protocol.Pending, protocol.Undelivered}; err != nil || !slices.Equal(standings, want) {
		t.Errorf("%v, %v; want %v", standings, err, want)
	}
	for what, files := range map[string][]protocol.ResultFile{
		"twice": {file(1), file(1)}, "descending": {file(2), file(1)}, "beyond": {file(1), file(3)}, "none": {},
		"no name": {{Partition: 1}}, "a name of two words": {{Partition: 1, Name: "x y"}},
	} {
		if _, err := h.Client.StoreFiles(t.Context(), h.Run, files); !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, args := range map[string][]any{
		"a file too few": {h.Run, 1, 1}, "a file too many": {h.Run, 1, 1, "x", 1, 1, "y", 1, 1}, "no number": {h.Run, 1, 1, "x", 1, "1e3"},
	} {
		err := h.Client.Redis.FCall(t.Context(), protocol.Function("put_files"), h.Client.Job.Keys(), args...).Err()
		if !errors.Is(protocol.Classify(err), protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Pending() == 1 })
	if n := h.Client.Redis.HLen(t.Context(), h.Client.Job.Key("results")).Val(); n != 1 {
		t.Errorf("%d results are named", n)
	}
}

func TestTotalsGoWhereTheirJobHasThem(t *testing.T) {
	t.Parallel()
	inSet, inFiles := wordcounttest.NewReducing(t, 1, 1), wordcounttest.NewKeeping(t, 1, 1)
	inFiles.Take("map", "w", wordcounttest.Tasks)
	inFiles.MustCommit(1, 2, 3)
	inFiles.Take("reduce", "w", 1)
	_, err := inSet.Client.StoreFiles(t.Context(), inSet.Run, []protocol.ResultFile{{Name: "x"}})
	expect(t, err, protocol.ErrState)
	_, err = inFiles.Client.Store(t.Context(), inFiles.Run, protocol.Totals{Nonce: "a", Partitions: []int{0}}, 0, nil, true)
	expect(t, err, protocol.ErrState)
	for _, h := range []*wordcounttest.Job{inSet, inFiles} {
		h.Expect("nothing is stored", func(st protocol.Status) bool { return st.Reduced == 0 && st.Pending() == 1 })
		h.Store(0)
		h.Expect("all is stored", func(st protocol.Status) bool { return st.Phase == "done" })
	}
}

func TestFilesAreNotNamedOnceAllAre(t *testing.T) {
	t.Parallel()
	h := newFilling(t, 1)
	check.Must(t, h.Client.Redis.XGroupSetID(t.Context(), h.Client.Job.Key("reduce"), "workers", "0").Err())
	h.Take("reduce", "w", 1)
	_, err := h.Client.StoreFiles(t.Context(), h.Run, []protocol.ResultFile{{Name: "x"}})
	expect(t, err, protocol.ErrState)
}

func TestFilesOfAnotherRunAreNotNamed(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewKeeping(t, 1, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	h.Take("reduce", "w", 1)
	_, err := h.Client.StoreFiles(t.Context(), "another run", []protocol.ResultFile{{Name: "x"}})
	expect(t, err, protocol.ErrOtherRun)
	_, _, err = h.Client.Results(t.Context(), "another run")
	expect(t, err, protocol.ErrOtherRun)
	_, err = h.Client.Fill(t.Context(), "another run", 0, []any{9, "wrong"}, true)
	expect(t, err, protocol.ErrOtherRun)
}

func TestResultsAreListedOnceAllAreThere(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewKeeping(t, 1, 2)
	tooEarly := func() {
		t.Helper()
		_, _, err := h.Client.Results(t.Context(), h.Run)
		expect(t, err, protocol.ErrPhase)
	}
	tooEarly()
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	tooEarly()
	h.Take("reduce", "w", 1)
	h.Store(0)
	files, now, err := h.Client.Results(t.Context(), h.Run)
	if err != nil || now != (protocol.Filling{}) || len(files) != 1 || files[0].Tokens != 6 || files[0].Words != 3 {
		t.Errorf("%v, %+v, %v", files, now, err)
	}
	if got := h.Counts(); got != "" {
		t.Errorf("the sorted set has %s", got)
	}
}

func TestFault71ResultsThatSomebodyTookAwayAreMissed(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(key string, h *wordcounttest.Job) error{
		"one is gone": func(key string, h *wordcounttest.Job) error { return h.Client.Redis.HDel(t.Context(), key, "1").Err() },
		"one more": func(key string, h *wordcounttest.Job) error {
			return h.Client.Redis.HSet(t.Context(), key, "2", "x 1 1").Err()
		},
		"no numbers": func(key string, h *wordcounttest.Job) error {
			return h.Client.Redis.HSet(t.Context(), key, "1", "x 1 -1").Err()
		},
		"too few": func(key string, h *wordcounttest.Job) error {
			return h.Client.Redis.HSet(t.Context(), key, "1", "x 1").Err()
		},
	} {
		h := newFilling(t, 1)
		check.Must(t, change(h.Client.Job.Key("results"), h))
		if _, _, err := h.Client.Results(t.Context(), h.Run); !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheTopJoinsOnToWhatIsFilledIn(t *testing.T) {
	t.Parallel()
	h := newFilling(t, 2)
	for _, c := range []struct {
		from        int
		last        bool
		words       []any
		want        protocol.Filling
		what, found string
	}{
		{1, false, []any{9, "gap"}, protocol.Filling{}, "what would leave a gap", ""},
		{1, true, []any{9, "gap"}, protocol.Filling{}, "the last words, behind a gap", ""},
		{0, false, nil, protocol.Filling{}, "nothing", ""},
		{0, false, []any{3, "three"}, protocol.Filling{Words: 1}, "the first word", "three+++"},
		{0, false, []any{9, "repeated"}, protocol.Filling{Words: 1}, "the same once more, as after a lost reply", "three+++"},
		{0, true, []any{9, "repeated"}, protocol.Filling{Words: 1}, "what somebody else thinks is all", "three+++"},
		{1, true, []any{2, "two"}, protocol.Filling{Words: 2, Full: true}, "the last word", "three+++ two++"},
		{0, false, []any{9, "late"}, protocol.Filling{Words: 2, Full: true}, "a late word", "three+++ two++"},
		{2, true, nil, protocol.Filling{Words: 2, Full: true}, "the end once more", "three+++ two++"},
	} {
		if now := fill(h, c.from, c.last, c.words...); now != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, now, c.want)
		}
		if got := h.Counts(); got != c.found {
			t.Errorf("%s: the sorted set has %s", c.what, got)
		}
	}
	if _, now, err := h.Client.Results(t.Context(), h.Run); err != nil || now != (protocol.Filling{Words: 2, Full: true}) {
		t.Errorf("%+v, %v", now, err)
	}
}

func TestNoMoreIsFilledInThanIsKept(t *testing.T) {
	t.Parallel()
	h := newFilling(t, 1)
	for what, args := range map[string][]any{
		"too many words": {h.Run, 0, true, 3, "three", 2, "two"}, "behind them": {h.Run, 1, true, 2, "two"}, "no word": {h.Run, 0, true, 3},
		"no number": {h.Run, "x", true}, "no count": {h.Run, 0, true, "inf", "three"}, "no last": {h.Run, 0, 2, 3, "three"}, "nothing": {h.Run},
	} {
		err := h.Client.Redis.FCall(t.Context(), protocol.Function("fill"), h.Client.Job.Keys(), args...).Err()
		if !errors.Is(protocol.Classify(err), protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	all := wordcounttest.New(t, 1)
	all.Finish()
	_, err := all.Client.Fill(t.Context(), all.Run, 0, []any{9, "wrong"}, true)
	expect(t, err, protocol.ErrState)
	if got := h.Counts() + all.Counts(); got != wordcounttest.Result {
		t.Errorf("the sorted sets have %s", got)
	}
}

func TestNothingIsFilledIntoASetThatIsFull(t *testing.T) {
	t.Parallel()
	h := newFilling(t, 4)
	full := protocol.Filling{Words: 3, Full: true}
	for range 2 {
		if now := fill(h, 0, true, 3, "three", 2, "two", 1, "one"); now != full {
			t.Errorf("%+v", now)
		}
		if now := fill(h, 3, false, 9, "late"); now != full {
			t.Errorf("%+v", now)
		}
	}
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("the sorted set has %s", got)
	}
}

func TestASetThatIsNotFullIsNotFenced(t *testing.T) {
	t.Parallel()
	h := newFilling(t, 2)
	for _, next := range []func(){
		func() { fill(h, 0, false, 3, "three") },
		func() { fill(h, 1, false, 2, "two") }, // nobody has said that this is all
		func() { fill(h, 2, true) },
	} {
		_, err := h.Client.Fence(t.Context(), h.Run, "fence")
		expect(t, err, protocol.ErrPhase)
		next()
	}
	_, err := h.Client.Fence(t.Context(), h.Run, "fence")
	check.Must(t, err)
}
