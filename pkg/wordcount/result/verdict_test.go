package result_test

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// counted is a job that is done, and its result.
func counted(t *testing.T, files map[string]string, reducers int) (*wordcounttest.Job, result.Result) {
	t.Helper()
	h := wordcounttest.NewOn(t, redistest.Start(t), files, plan.Options{Split: 100, Reducers: reducers, Direct: reducers == 0})
	h.Finish()
	return h, result.Result{Redis: h.Client.Redis, Job: h.Client.Job, Fence: h.Fence()}
}

// verify recounts a share and compares.
func verify(ctx context.Context, h *wordcounttest.Job, r result.Result, share recount.Share, progress func(int64)) (result.Verdict, error) {
	want, _, err := recount.Files(ctx, h.Plan.Manifest, plan.Counting{}, share, progress)
	if err != nil {
		return result.Verdict{}, err
	}
	return r.Compare(ctx, want, share)
}

// verifyAll recounts all words and compares.
func verifyAll(h *wordcounttest.Job, r result.Result) (result.Verdict, error) {
	return verify(h.TB.Context(), h, r, recount.Share{}, func(int64) {})
}

func TestVerifyFindsEachKindOfDifference(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{3, 0} {
		h, r := counted(t, map[string]string{"a": "one two two three three three"}, reducers)
		verdict, err := verifyAll(h, r)
		check.Must(t, err)
		if !verdict.Exact() || verdict.Distinct != 3 || len(verdict.First) != 0 {
			t.Errorf("of an exact result it says %+v", verdict)
		}
		counts := r.Job.Key("counts")
		check.Must(t, r.Redis.ZRem(t.Context(), counts, "one").Err())
		check.Must(t, r.Redis.ZIncrBy(t.Context(), counts, 1, "two").Err())
		check.Must(t, r.Redis.ZAdd(t.Context(), counts, redis.Z{Member: "four", Score: 4}).Err())
		verdict, err = verifyAll(h, r)
		check.Must(t, err)
		want := []result.Difference{{Word: "four", Want: 0, Got: 4}, {Word: "one", Want: 1, Got: 0}, {Word: "two", Want: 2, Got: 3}}
		if verdict.Missing != 1 || verdict.Surplus != 1 || verdict.Different != 1 || len(verdict.First) != 3 {
			t.Fatalf("it says %+v", verdict)
		}
		for i, d := range verdict.First {
			if d != want[i] {
				t.Errorf("difference %d is %+v, want %+v", i, d, want[i])
			}
		}
	}
}

func TestVerifyRefusesFilesThatChanged(t *testing.T) {
	t.Parallel()
	h, r := counted(t, check.Texts(3, 10), 1)
	path := h.Plan.Manifest.Files[1].Path
	check.Must(t, check.Append(path, "more"))
	_, err := verifyAll(h, r)
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(path), "size")
	check.Must(t, os.Remove(path))
	_, err = verifyAll(h, r)
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(path))
}

func TestVerifyRefusesAResultThatIsGone(t *testing.T) {
	t.Parallel()
	h, r := counted(t, check.Texts(3, 10), 1)
	r.Fence = "somebody else's"
	_, err := verifyAll(h, r)
	check.IsError(t, err, protocol.ErrNoResult)
	_, err = protocol.Clean(t.Context(), r.Redis, r.Job)
	check.Must(t, err)
	_, err = verifyAll(h, r)
	check.IsError(t, err, protocol.ErrNoResult)
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	h, r := counted(t, check.Texts(3, 10), 1)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := verify(ctx, h, r, recount.Share{}, func(int64) { cancel() })
	check.IsError(t, err, context.Canceled)
}

func TestVerifyReportsEveryByteAsItGoes(t *testing.T) {
	t.Parallel()
	h, r := counted(t, check.Texts(5, 100), 1)
	most := int64(0)
	_, err := verify(t.Context(), h, r, recount.Share{}, func(n int64) { most = max(most, n) })
	check.Must(t, err)
	if most != h.Plan.Manifest.Bytes {
		t.Errorf("%d of %d bytes were reported", most, h.Plan.Manifest.Bytes)
	}
}

func TestThePartsOfAVerificationAddUpToTheWhole(t *testing.T) {
	t.Parallel()
	h, r := counted(t, check.Texts(5, 30), 3)
	check.Must(t, r.Redis.ZIncrBy(t.Context(), r.Job.Key("counts"), 1, "common1").Err())
	distinct, different := 0, 0
	for n := 1; n <= 4; n++ {
		v, err := verify(t.Context(), h, r, recount.Share{Number: n, Of: 4}, func(int64) {})
		check.Must(t, err)
		distinct, different = distinct+v.Distinct, different+v.Different
	}
	if all := int(r.Redis.ZCard(t.Context(), r.Job.Key("counts")).Val()); distinct != all || different != 1 {
		t.Errorf("%d distinct words, %d different; expected %d and 1", distinct, different, all)
	}
}
