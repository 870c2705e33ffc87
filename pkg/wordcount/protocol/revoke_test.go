package protocol_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// lose counts tasks, commits them, and takes their output back.
func lose(h *wordcounttest.Job, host, why string, tasks ...int) {
	h.TB.Helper()
	c := h.Counted(tasks...)
	standings, err := h.Send(c)
	if err != nil || standings != nil {
		h.TB.Fatalf("commit of %v: %v, %v", tasks, standings, err)
	}
	check.Must(h.TB, h.Client.Revoke(h.TB.Context(), h.Run, c.Output, host, errors.New(why)))
}

func TestTheTasksOfARevokedOutputAreForAnyThief(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(2)
	lose(h, "host", "it is gone", 1, 3)
	h.Expect("only task 2 counts", func(st protocol.Status) bool {
		return st.Phase == protocol.Mapping && st.Mapped == 1 && st.Tokens == 2 && st.Bytes == 7 && st.Revoked == 2 && st.Pending() == 2
	})
	entries, _, err := h.Client.Redis.XAutoClaim(t.Context(), &redis.XAutoClaimArgs{
		Stream: h.Client.Job.StreamKey(protocol.Maps), Group: protocol.Group, Consumer: "thief", MinIdle: 24 * time.Hour, Start: "0-0",
	}).Result()
	check.Must(t, err)
	stolen, err := wordcounttest.Numbers(entries)
	check.Must(t, err)
	if !slices.Equal(stolen, []int{1, 3}) {
		t.Errorf("the thief has the tasks %v", stolen)
	}
	for _, n := range stolen {
		deaths, err := h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: n}, "thief")
		if err != nil || deaths != 0 {
			t.Errorf("task %d: %d workers died of it, %v", n, deaths, err)
		}
	}
	h.Expect("no worker is blamed", func(st protocol.Status) bool { return st.Taken == 0 && st.Troubles == 0 && st.Buried == 0 })
	h.MustCommit(1, 3)
	h.Take("reduce", "w", 1)
	h.Store(0)
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("counted: %s", got)
	}
}

// Who reports a lost output late must not take away the one that came after it.
func TestAnOutputIsRevokedByItsName(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	first := h.Counted(1, 2, 3)
	_, err := h.Send(first)
	check.Must(t, err)
	for range 5 { // more than the limit
		check.Must(t, h.Client.Revoke(t.Context(), h.Run, first.Output, "host", errors.New("it is gone")))
		if h.Status().Pending() > 0 {
			h.Steal("map", "thief")
			h.MustCommit(1, 2, 3)
		}
	}
	h.Expect("the next output counts", func(st protocol.Status) bool {
		return st.Phase == protocol.Reducing && st.Mapped == 3 && st.Tokens == 6 && st.Revoked == 3 && st.Buried == 0
	})
}

func TestNothingIsRevokedOnceAllIsStored(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	c := h.Counted(1, 2, 3)
	_, err := h.Send(c)
	check.Must(t, err)
	h.Take("reduce", "w", 1)
	h.Store(0)
	for _, fence := range []func(){func() {}, func() { h.Fence() }} {
		fence()
		check.Must(t, h.Client.Revoke(t.Context(), h.Run, c.Output, "host", errors.New("it is gone")))
		h.Expect("it is done", func(st protocol.Status) bool {
			return st.Phase == protocol.Done && st.Mapped == 3 && st.Revoked == 0 && st.Pending() == 0
		})
	}
}

func TestATaskWhoseOutputIsLostTooOftenIsBuried(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(3)
	buried := func(want ...protocol.DeadLetter) {
		t.Helper()
		letters, err := protocol.DeadLetters(t.Context(), h.Client.Redis, h.Client.Job)
		if err != nil || !slices.Equal(letters, want) {
			t.Errorf("buried are %+v, %v; want %+v", letters, err, want)
		}
	}
	lostTwice := func(task int) {
		for range 2 { // once less than the limit
			lose(h, "reader", "it is gone", task)
			h.Steal("map", "w")
		}
		buried()
	}
	lostTwice(1)
	lose(h, "another reader", "its checksum is wrong", 1, 2) // task 2 has lost nothing before
	buried(protocol.DeadLetter{
		TaskID: protocol.TaskID{Stream: protocol.Maps, Number: 1},
		Cause: protocol.Cause{
			Code: protocol.Lost,
			Text: "map output lost 3 times: written on host, read on another%20reader: its checksum is wrong",
		},
	})
	h.Expect("only task 3 counts, and task 2 is pending", func(st protocol.Status) bool {
		return st.Phase == protocol.Mapping && st.Mapped == 1 && st.Tokens == 3 && st.Bytes == 17 && st.Pending() == 1
	})
	h.Steal("map", "w")
	if standings, err := h.Commit(1, 2); err != nil || !slices.Equal(standings, []string{protocol.Settled, protocol.Pending}) {
		t.Errorf("they stand as %v, %v", standings, err)
	}
	if n, err := h.Client.Requeue(t.Context(), h.Run); err != nil || n != 1 {
		t.Errorf("%d tasks were requeued, %v", n, err)
	}
	h.Steal("map", "w")
	lostTwice(1)
	h.MustCommit(1, 2)
	h.Take("reduce", "w", 1)
	h.Store(0)
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("counted: %s", got)
	}
}

// Whatever an output says, nothing is written before it is understood.
func TestAnOutputThatMakesNoSenseIsNotRevoked(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"no numbers":              "output",
		"no tasks":                "0 0  host -",
		"no task":                 "0 0 - host -",
		"a task that is none":     "0 0 1-2-3 host -",
		"an end before its start": "0 0 3-1 host -",
		"tasks without end":       "0 0 1-999999999999999 host -",
		"more tasks than the job": "0 0 1-4 host -",
		"more words than the job": "7 0 1 host -",
		"more bytes than the job": "0 1000 1 host -",
	} {
		h := wordcounttest.New(t, 1)
		h.Take("map", "w", wordcounttest.Tasks)
		h.MustCommit(1, 2, 3)
		check.Must(t, h.Client.Redis.HSet(t.Context(), h.Client.Job.Key("outputs"), "name", text).Err())
		before := dump(t, h.Client)
		err := h.Client.Revoke(t.Context(), h.Run, "name", "host", errors.New("it is gone"))
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
		if dump(t, h.Client) != before {
			t.Errorf("%s: the job has changed", what)
		}
	}
}

// Its counts are in the sorted set already, so they would be added once more.
func TestAnOutputWithoutReducersIsNotRevoked(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", wordcounttest.Tasks)
	c := h.Counted(1, 2)
	_, err := h.Send(c)
	check.Must(t, err)
	err = h.Client.Revoke(t.Context(), h.Run, c.Output, "host", errors.New("it is gone"))
	check.IsError(t, err, protocol.ErrState, "reducers")
	h.Expect("it counts", func(st protocol.Status) bool { return st.Mapped == 2 && st.Tokens == 3 && st.Pending() == 1 })
}
