package protocol_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAChunkThatWouldLeaveAGapIsNotAppended(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	ctx := t.Context()
	_, err := h.Client.Clean(ctx, h.Run)
	check.Must(t, err)
	for _, c := range []struct{ first, last, top int }{{3, 3, 0}, {1, 1, 1}, {3, 3, 1}, {1, 2, 2}, {2, 3, 3}, {1, 3, 3}} {
		now, err := h.Client.Seed(ctx, h.Run, h.Dir, wordcounttest.Tasks, c.first, plan.Entries(h.Splits[c.first-1:c.last]))
		if err != nil || now.Top != c.top {
			t.Errorf("after tasks %d to %d the top is %d, %v; want %d", c.first, c.last, now.Top, err, c.top)
		}
	}
	h.Expect("each task is there once", func(st protocol.Status) bool { return st.Seeded == wordcounttest.Tasks })
	if tasks := h.Take("map", "w", 10); !slices.Equal(tasks, []int{1, 2, 3}) {
		t.Errorf("the tasks are %v", tasks)
	}
}

func TestSeedingWithoutMetaBeginsWithNothing(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := wordcounttest.New(t, reducers)
		h.Take("map", "w", 2)
		h.MustCommit(1)
		_, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 2}, "token", 1, protocol.Cause{})
		check.Must(t, err)
		check.Must(t, h.Client.Redis.Del(t.Context(), h.Client.Job.Key("meta")).Err())
		check.Must(t, h.Seed())
		h.Finish()
		h.Expect("the job is done", func(st protocol.Status) bool { return st.Phase == "done" && st.Tokens == 6 && st.Buried == 0 })
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("counted: %s", got)
		}
	}
}

func TestASeedForAJobOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	fewer := protocol.Client{Redis: h.Client.Redis, Job: protocol.Job{ID: h.Client.Job.ID, Reducers: 1}}
	_, ofMaps := h.Client.Seed(t.Context(), h.Run, h.Dir, wordcounttest.Tasks+1, 1, nil)
	_, ofReducers := fewer.Seed(t.Context(), h.Run, h.Dir, wordcounttest.Tasks, 1, nil)
	keeping := protocol.Client{Redis: h.Client.Redis, Job: protocol.Job{ID: h.Client.Job.ID, Reducers: 2, Keep: 1}}
	_, ofWords := keeping.Seed(t.Context(), h.Run, h.Dir, wordcounttest.Tasks, 1, nil)
	for what, err := range map[string]error{"one more task": ofMaps, "fewer partitions": ofReducers, "fewer words": ofWords} {
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.Expect("it is as it was", func(st protocol.Status) bool {
		return st.Maps == wordcounttest.Tasks && st.Reducers == 2 && st.Seeded == wordcounttest.Tasks
	})
}

func TestAJobWithoutReducersKeepsAllWords(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	_, err := h.Client.Clean(t.Context(), h.Run)
	check.Must(t, err)
	h.Client.Job.Keep = 1
	if err := h.Seed(); !errors.Is(err, protocol.ErrState) {
		t.Errorf("seeded, %v", err)
	}
}

func TestAJobThatLostAStreamIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"map", "reduce"} {
		h := wordcounttest.New(t, 1)
		key := h.Client.Job.Key(stream)
		check.Must(t, h.Client.Redis.Del(t.Context(), key).Err())
		if err := h.Seed(); !errors.Is(err, protocol.ErrState) {
			t.Errorf("without its stream %s: %v", stream, err)
		}
		if h.Client.Redis.Exists(t.Context(), key).Val() != 0 {
			t.Errorf("the stream %s was begun anew", stream)
		}
	}
}

func TestAJobOfAnotherSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.Client.Redis.HSet(t.Context(), h.Client.Job.Key("meta"), "schema", "0").Err())
	if err := h.Seed(); !errors.Is(err, protocol.ErrState) {
		t.Errorf("seeded, %v", err)
	}
	if standings, err := h.Commit(1); !errors.Is(err, protocol.ErrState) {
		t.Errorf("committed, %v, %v", standings, err)
	}
}

func TestAJobThatLostATaskIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	for what, lose := range map[string]func(*wordcounttest.Job, string) error{
		"one": func(h *wordcounttest.Job, key string) error {
			return h.Client.Redis.XDel(h.TB.Context(), key, "2-0").Err()
		},
		"the last one": func(h *wordcounttest.Job, key string) error {
			return h.Client.Redis.XDel(h.TB.Context(), key, "3-0").Err()
		},
		"all": func(h *wordcounttest.Job, key string) error {
			return h.Client.Redis.XTrimMaxLen(h.TB.Context(), key, 0).Err()
		},
	} {
		h := wordcounttest.New(t, 1)
		check.Must(t, lose(h, h.Client.Job.Key("map")))
		if err := h.Seed(); !errors.Is(err, protocol.ErrState) || !strings.Contains(err.Error(), "deleted") {
			t.Errorf("without %s: %v", what, err)
		}
	}
}

func TestAJobKeepsTheStoreOfTheRunThatCreatedIt(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	now, err := h.Client.Seed(t.Context(), "another run", "/another/store", wordcounttest.Tasks, 1, nil)
	if want := (protocol.Seeded{Run: h.Run, Top: wordcounttest.Tasks, Store: h.Dir, Phase: protocol.Mapping}); err != nil || now != want {
		t.Errorf("the job is %+v, %v; want %+v", now, err, want)
	}
	h.Expect("nothing has changed", func(st protocol.Status) bool { return st.Run == h.Run && st.Store == h.Dir })
}
