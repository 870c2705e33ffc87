package wordcount

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestCountsThatDoNotAddUpAreNeverPublished(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(3, 10))
		r.prepare(o)
		r.rdb.AddHook(wordcounttest.On(t, "sum", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			check.Must(t, r.probe.ZIncrBy(ctx, r.plan.Job.Key("counts"), 1, "common1").Err())
			return next(ctx, cmd)
		}))
		r.finishFailing(protocol.ErrState, "add up")
	})
}

func TestCountBeyond2To53IsNoResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	r.rdb.AddHook(wordcounttest.On(t, "sum", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		check.Must(t, r.probe.ZAdd(ctx, r.plan.Job.Key("counts"), redis.Z{Member: "common1", Score: 1 << 53}).Err())
		return next(ctx, cmd)
	}))
	r.finishFailing(protocol.ErrState, "2^53")
}

func TestResultIsReadByCountThenWord(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "b a c z z z a b"})
	sealed := r.exact(plan.Options{})
	var words string
	for e, err := range r.result(sealed).Entries(t.Context()) {
		check.Must(t, err)
		words += e.Word
	}
	if words != "zabc" {
		t.Errorf("the words are %q", words)
	}
}

func TestWorkersAreDismissedAndMapOutputsGoneOnceSealed(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	sealed := r.exact(bothModes[0])
	st := r.status()
	if !st.Dismissed || st.Final != sealed.Fence {
		t.Errorf("released %v, fenced by %q", st.Dismissed, st.Final)
	}
	if n := r.probe.Exists(t.Context(), r.plan.Job.Key("outputs")).Val(); n != 0 {
		t.Error("the list of map outputs is still there")
	}
	if left, err := os.ReadDir(r.store); err != nil || len(left) > 0 {
		t.Errorf("in the store there is %v, %v", left, err)
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
			sealed := r.exact(plan.Options{})
			check.Must(t, lose(t.Context(), r))
			check.IsError(t, result.Export(io.Discard, r.result(sealed).Entries(t.Context()), result.TSV), protocol.ErrNoResult)
		})
	}
}

func TestAServerThatGoesWhileAResultIsReadIsSaidToBeGone(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Finish()
	fence := h.Fence()
	h.rig.server.Kill(t)
	var last error
	for _, err := range (result.Result{Redis: h.rdb, Job: h.plan.Job, Fence: fence}).Entries(t.Context()) {
		last = err
	}
	check.IsError(t, last, protocol.ErrRedis, "went away while the result was read")
}
