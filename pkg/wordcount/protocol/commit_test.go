package protocol_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestABatchThatNamesATaskTwiceIsRefused(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", 1)
	if standings, err := h.Commit(1, 1); err == nil {
		t.Errorf("the standings are %v", standings)
	}
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Tokens == 0 && st.Pending() == 1 })
}

func TestABatchIsCommittedAltogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", 2)
	h.MustCommit(1)
	for _, c := range []struct {
		batch []int
		want  []string
	}{
		{[]int{1, 2}, []string{protocol.Settled, protocol.Pending}},
		{[]int{2, 3}, []string{protocol.Pending, protocol.Undelivered}},
		{[]int{1}, []string{protocol.Settled}},
	} {
		standings, err := h.Commit(c.batch...)
		check.Must(t, err)
		if !slices.Equal(standings, c.want) {
			t.Errorf("the standings of %v are %v, not %v", c.batch, standings, c.want)
		}
	}
	h.Expect("only task 1 was committed", func(st protocol.Status) bool { return st.Mapped == 1 && st.Tokens == 1 && st.Pending() == 1 })
	if got := h.Counts(); got != "one+" {
		t.Errorf("counted: %s", got)
	}
}

func TestACountThatIsNoDecimalNumberIsNotCommitted(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", 1)
	for _, n := range []any{"inf", "nan", "0x10", "1e3", "-1", "1.5", "", "1000000000000000"} { // Redis would add all but two
		standings, err := h.Send(protocol.Commit{Tasks: []int{1}, Tokens: 1, Bytes: 1, Output: "a", Words: []any{"one", 1, "two", n}})
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%q: %v, %v", n, standings, err)
		}
	}
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == 1 })
	if got := h.Counts(); got != "" {
		t.Errorf("counted: %s", got)
	}
}

func TestNothingIsCommittedOnceAllIs(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := wordcounttest.New(t, reducers)
		h.Finish()
		check.Must(t, h.Client.Redis.XGroupSetID(t.Context(), h.Client.Job.Key("map"), "workers", "0").Err())
		h.Take("map", "w", wordcounttest.Tasks)
		if standings, err := h.Commit(2); !errors.Is(err, protocol.ErrState) {
			t.Errorf("%d reducers: %v, %v", reducers, standings, err)
		}
		h.Expect("all is as it was", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks && st.Tokens == 6 })
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("%d reducers: counted %s", reducers, got)
		}
	}
}

func TestABuriedTaskIsNotADoneOne(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := wordcounttest.New(t, reducers)
		h.Take("map", "w", wordcounttest.Tasks)
		standing, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 2}, "token", 1, protocol.Cause{})
		if err != nil || standing != "buried" {
			t.Fatalf("fail: %s, %v", standing, err)
		}
		h.MustCommit(1, 3)
		h.Expect("a task is missing", func(st protocol.Status) bool { return st.Phase == "map" && st.Mapped == 2 && st.Buried == 1 })
	}
}

func TestNothingIsWrittenWhereAKeyHasAnotherType(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.Client.Redis.Set(t.Context(), h.Client.Job.Key("counts"), "somebody else's", 0).Err())
	if _, err := h.Commit(1); !errors.Is(err, protocol.ErrState) {
		t.Errorf("commit: %v", err)
	}
	check.Must(t, h.Client.Redis.Del(t.Context(), h.Client.Job.Key("counts")).Err())
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == wordcounttest.Tasks })
}

func TestACommitThatIsSentAgainIsToldThatItIsSettled(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 2} {
		h := wordcounttest.New(t, reducers)
		h.Take("map", "w", wordcounttest.Tasks)
		c := h.Counted(1, 3)
		for _, want := range [][]string{nil, {protocol.Settled, protocol.Settled}} {
			if standings, err := h.Send(c); err != nil || !slices.Equal(standings, want) {
				t.Errorf("%d reducers: the standings are %v, %v; want %v", reducers, standings, err, want)
			}
			h.Expect("it counts once", func(st protocol.Status) bool {
				return st.Mapped == 2 && st.Tokens == c.Tokens && st.Bytes == c.Bytes && st.Pending() == 1
			})
		}
		outputs, _, err := protocol.OutputsSoFar(t.Context(), h.Client.Redis, h.Client.Job)
		want := protocol.Output{Name: c.Output, Tokens: c.Tokens, Bytes: c.Bytes, Tasks: "1,3"}
		if err != nil || !slices.Equal(outputs, []protocol.Output{want}) {
			t.Errorf("%d reducers: the outputs are %+v, %v; want %+v", reducers, outputs, err, want)
		}
	}
}

// A log that was torn in the middle of a commit may bring the output back, and not that its tasks
// were acknowledged.
func TestAnOutputThatIsThereIsNotCommittedOnceMore(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", 2)
	c := h.Counted(1)
	_, err := h.Send(c)
	check.Must(t, err)
	check.Must(t, h.Client.Redis.Do(t.Context(), "XCLAIM", h.Client.Job.StreamKey(protocol.Maps), protocol.Group, "w", 0, "1-0", "FORCE").Err())
	for _, tasks := range [][]int{{1}, {2}} {
		c.Tasks = tasks
		standings, err := h.Send(c)
		check.IsError(t, err, protocol.ErrState, "output", "clean")
		if standings != nil {
			t.Errorf("the standings are %v", standings)
		}
	}
	h.Expect("nothing has changed", func(st protocol.Status) bool { return st.Mapped == 1 && st.Tokens == 1 && st.Pending() == 2 })
}

func TestAnOutputHasANameAndAHost(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", 1)
	for what, args := range map[string][]any{
		"no name":          {h.Run, 1, 1, 1, 3, "", "host", "-"},
		"no host":          {h.Run, 1, 1, 1, 3, "name", "", "-"},
		"two hosts":        {h.Run, 1, 1, 1, 3, "name", "two hosts", "-"},
		"too few of all":   {h.Run, 1, 1, 1, 3, "name", "host"},
		"counts of a word": {h.Run, 1, 1, 1, 3, "name", "host", "-", "one", 1},
	} {
		err := protocol.Classify(h.Client.Redis.FCall(t.Context(), protocol.Function("commit"), h.Client.Job.Keys(), args...).Err())
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == 1 })
}

func TestATallyIsSevenNumbersOrNone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", 2)
	tallies := []string{"", "1", "1,2,3,4,5,6", "1,2,3,4,5,6,7,8", "1,2,3,4,5,6,", "1,2,3,4,5,6,x", "1,2,3,4,5,6,-7", "1,2,3,4,5,6,7 8", "1,2,3,4,5,6,1000000000000000"}
	for _, tally := range tallies {
		args := []any{h.Run, 1, 1, 1, 3, "name", "host", tally}
		err := protocol.Classify(h.Client.Redis.FCall(t.Context(), protocol.Function("commit"), h.Client.Job.Keys(), args...).Err())
		check.IsError(t, err, protocol.ErrState, "tally")
	}
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == 2 })
	c := h.Counted(1)
	c.Tally = protocol.Tally{Records: 3, Malformed: 1, Unpacked: 1e18} // more than the library takes
	_, err := h.Send(c)
	check.Must(t, err)
	h.MustCommit(2)
	outputs, _, err := protocol.OutputsSoFar(t.Context(), h.Client.Redis, h.Client.Job)
	check.Must(t, err)
	var all protocol.Tally
	for _, o := range outputs {
		all.Add(o.Tally)
	}
	if want := (protocol.Tally{Records: 3, Malformed: 1, Unpacked: 1e15 - 1}); all != want || len(outputs) != 2 {
		t.Errorf("the outputs are %+v, and have %+v", outputs, all)
	}
}
