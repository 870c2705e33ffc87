package wordcount

import (
	"context"
	"io"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestJobIsOverWhenNothingMoreHappensByItself(t *testing.T) {
	t.Parallel()
	held := map[string]int{"somebody": 1}
	for what, c := range map[string]struct {
		st   Status
		want bool
	}{
		"nothing delivered yet":        {Status{Phase: "map", Maps: 3}, false},
		"nothing pending, in a gap":    {Status{Phase: "map", Maps: 3, Mapped: 2}, false},
		"all maps done":                {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2}, false},
		"done":                         {Status{Phase: "done", Maps: 3, Mapped: 3}, true},
		"one buried, the rest to do":   {Status{Phase: "map", Maps: 3, Mapped: 1, Buried: 1}, false},
		"one buried, the rest pending": {Status{Phase: "map", Maps: 3, Mapped: 2, Buried: 1, PendingMaps: held}, false},
		"one buried, the rest done":    {Status{Phase: "map", Maps: 3, Mapped: 2, Buried: 1}, true},
		"a reduce buried":              {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, Buried: 1}, true},
		"a reduce buried, one pending": {
			Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, Buried: 1, PendingReduces: held}, false,
		},
	} {
		if over(c.st) != c.want {
			t.Errorf("%s: over is %v", what, !c.want)
		}
	}
}

func TestAJobIsStuckWhenItsTasksAreNowhere(t *testing.T) {
	t.Parallel()
	held := map[string]int{"somebody": 1}
	for what, c := range map[string]struct {
		st   Status
		want bool
	}{
		"nothing delivered yet":             {Status{Phase: "map", Maps: 3, WaitingMaps: true}, false},
		"all delivered":                     {Status{Phase: "map", Maps: 3, PendingMaps: held}, false},
		"one is nowhere":                    {Status{Phase: "map", Maps: 3, Mapped: 2}, true},
		"one is nowhere, others aren't":     {Status{Phase: "map", Maps: 3, Mapped: 1, PendingMaps: held}, false},
		"all done, and no phase follows":    {Status{Phase: "map", Maps: 3, Mapped: 3}, true},
		"reduces before their phase":        {Status{Phase: "map", Maps: 3, Mapped: 3, PendingReduces: held, WaitingReduces: true}, true},
		"one buried, the rest done":         {Status{Phase: "map", Maps: 3, Mapped: 2, Buried: 1}, false},
		"one buried, one nowhere":           {Status{Phase: "map", Maps: 3, Mapped: 1, Buried: 1}, true},
		"one buried, the rest pending":      {Status{Phase: "map", Maps: 3, Mapped: 1, Buried: 1, PendingMaps: held}, false},
		"no reduce delivered yet":           {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, WaitingReduces: true}, false},
		"reduces delivered":                 {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, PendingReduces: held}, false},
		"a reduce is nowhere":               {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1}, true},
		"a reduce is nowhere, a map is not": {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, PendingMaps: held}, true},
		"a reduce is buried":                {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, Buried: 1}, false},
		"done":                              {Status{Phase: "done", Maps: 3, Mapped: 3}, false},
	} {
		if stuck(c.st) != c.want {
			t.Errorf("%s: stuck is %v", what, !c.want)
		}
	}
}

func TestCountsThatDoNotAddUpAreNeverPublished(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, texts(3, 10))
		r.prepare(o)
		r.rdb.AddHook(on("sum", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			must(t, r.probe.ZIncrBy(ctx, r.plan.Job.Key("counts"), 1, "common1").Err())
			return next(ctx, cmd)
		}))
		r.finishFailing(ErrState, "add up")
	})
}

func TestCountBeyond2To53IsNoResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	r.rdb.AddHook(on("sum", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		must(t, r.probe.ZAdd(ctx, r.plan.Job.Key("counts"), redis.Z{Member: "common1", Score: 1 << 53}).Err())
		return next(ctx, cmd)
	}))
	r.finishFailing(ErrState, "2^53")
}

func TestResultIsReadByCountThenWord(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "b a c z z z a b"})
	sealed := r.exact(Options{})
	result := Result{r.rdb, r.plan.Job, sealed.Fence}
	var words string
	for e, err := range result.Entries(t.Context()) {
		must(t, err)
		words += e.Word
	}
	if words != "zabc" {
		t.Errorf("the words are %q", words)
	}
}

func TestWorkersAreReleasedAndPartialCountsGoneOnceSealed(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	sealed := r.exact(bothModes[0])
	st := r.status()
	if !st.Released || st.Final != sealed.Fence {
		t.Errorf("released %v, fenced by %q", st.Released, st.Final)
	}
	for part := range r.plan.Job.Reducers {
		if n := r.probe.Exists(t.Context(), r.plan.Job.part(part)).Val(); n != 0 {
			t.Errorf("partition %d is still there", part)
		}
	}
}

func TestCountsThatAreLostAfterTheSealAreNoEmptyResult(t *testing.T) {
	t.Parallel()
	for what, lose := range map[string]func(context.Context, *rig) error{
		"all":  func(ctx context.Context, r *rig) error { return r.probe.Del(ctx, r.plan.Job.Key("counts")).Err() },
		"some": func(ctx context.Context, r *rig) error { return r.probe.ZRem(ctx, r.plan.Job.Key("counts"), "a").Err() },
		"fence": func(ctx context.Context, r *rig) error {
			return r.probe.HDel(ctx, r.plan.Job.Key("meta"), "final").Err()
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, map[string]string{"a": "b a c z z z a b"})
			sealed := r.exact(Options{})
			must(t, lose(t.Context(), r))
			isError(t, Export(io.Discard, Result{r.rdb, r.plan.Job, sealed.Fence}.Entries(t.Context())), ErrNoResult)
		})
	}
}
