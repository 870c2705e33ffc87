package protocol_test

import (
	"errors"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestOutputsAreListedWhileAllMapsAndNotAllPartitionsAreThere(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	listed := func(when string, want int) {
		t.Helper()
		outputs, err := h.Client.Outputs(t.Context(), h.Run)
		if len(outputs) != want || (err == nil) != (want > 0) || err != nil && !errors.Is(err, protocol.ErrPhase) {
			t.Errorf("%s: %+v, %v; want %d outputs", when, outputs, err, want)
		}
	}
	listed("no output", 0)
	h.MustCommit(1, 2)
	listed("not all outputs", 0)
	last := h.Counted(3)
	_, err := h.Send(last)
	check.Must(t, err)
	listed("all outputs, and nobody has the partition", 2)
	check.Must(t, h.Client.Revoke(t.Context(), h.Run, last.Output, "host", errors.New("it is gone")))
	listed("one was lost", 0)
	h.Steal("map", "w")
	h.MustCommit(3)
	h.Take("reduce", "w", 1)
	listed("all outputs again", 2)
	h.Store(0)
	listed("all is stored", 0)
	check.Must(t, h.Client.Discard(t.Context(), h.Fence(), 0, protocol.Tally{}))
	listed("they are discarded", 0)
}

func TestNothingIsReducedOfOutputsThatDoNotCoverTheJob(t *testing.T) {
	t.Parallel()
	for says, damage := range map[string]func(*wordcounttest.Job, string) error{
		"task 2 was committed twice": func(h *wordcounttest.Job, _ string) error { h.Duplicate(2); return nil },
		"task 3 was not committed": func(h *wordcounttest.Job, last string) error {
			return h.Client.Redis.HDel(t.Context(), h.Client.Job.Key("outputs"), last).Err()
		},
		"the output": func(h *wordcounttest.Job, last string) error {
			return h.Client.Redis.HSet(t.Context(), h.Client.Job.Key("outputs"), last, "3 17 3").Err()
		},
	} {
		h := wordcounttest.New(t, 1)
		h.Take("map", "w", wordcounttest.Tasks)
		h.MustCommit(1, 2)
		last := h.Counted(3)
		_, err := h.Send(last)
		check.Must(t, err)
		check.Must(t, damage(h, last.Output))
		outputs, err := h.Client.Outputs(t.Context(), h.Run)
		check.IsError(t, err, protocol.ErrState, says, "clean")
		if outputs != nil {
			t.Errorf("%s: it was given %+v", says, outputs)
		}
	}
}

func TestTheTallyOfWhatIsCommittedFallsWithARevokedOutputAndOutlivesTheOutputs(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	committed := func(when string, want protocol.Tally) {
		t.Helper()
		if got, err := h.Client.Committed(t.Context()); got != want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", when, got, err, want)
		}
	}
	commit := func(missing uint64, tasks ...int) string {
		t.Helper()
		c := h.Counted(tasks...)
		c.Tally = protocol.Tally{Records: 10, Missing: missing}
		_, err := h.Send(c)
		check.Must(t, err)
		return c.Output
	}
	h.Take("map", "w", wordcounttest.Tasks)
	committed("nothing is committed", protocol.Tally{})
	commit(1, 1, 2)
	last := commit(3, 3)
	committed("all is committed", protocol.Tally{Records: 20, Missing: 4})
	check.Must(t, h.Client.Revoke(t.Context(), h.Run, last, "host", errors.New("it is gone")))
	committed("an output is revoked", protocol.Tally{Records: 10, Missing: 1})
	h.Steal("map", "w")
	commit(2, 3)
	h.Take("reduce", "w", 1)
	h.Store(0)
	all := protocol.Tally{Records: 20, Missing: 3}
	committed("all is stored", all)
	check.Must(t, h.Client.Discard(t.Context(), h.Fence(), 0, all))
	committed("the outputs are discarded", all)
}
