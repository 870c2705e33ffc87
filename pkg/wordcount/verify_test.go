package wordcount

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
)

// verify recounts and compares.
func verify(ctx context.Context, m Manifest, r Result, part Part, progress func(int64)) (Verdict, error) {
	want, err := NewRecount(ctx, m, part, progress)
	if err != nil {
		return Verdict{}, err
	}
	return want.Compare(ctx, r, part)
}

func (r *rig) verify(sealed Sealed) (Verdict, error) {
	return verify(r.tb.Context(), r.plan.Manifest, Result{r.rdb, r.plan.Job, sealed.Fence}, Part{}, func(int64) {})
}

func TestVerifyFindsEachKindOfDifference(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, map[string]string{"a": "one two two three three three"})
		sealed := r.exact(o)
		verdict, err := r.verify(sealed)
		must(t, err)
		if !verdict.Exact() || verdict.Distinct != 3 || len(verdict.First) != 0 {
			t.Errorf("of an exact result it says %+v", verdict)
		}
		counts := r.plan.Job.Key("counts")
		must(t, r.probe.ZRem(t.Context(), counts, "one").Err())
		must(t, r.probe.ZIncrBy(t.Context(), counts, 1, "two").Err())
		must(t, r.probe.ZAdd(t.Context(), counts, redis.Z{Member: "four", Score: 4}).Err())
		verdict, err = r.verify(sealed)
		must(t, err)
		want := []Difference{{"four", 0, 4}, {"one", 1, 0}, {"two", 2, 3}}
		if verdict.Missing != 1 || verdict.Surplus != 1 || verdict.Different != 1 || len(verdict.First) != 3 {
			t.Fatalf("it says %+v", verdict)
		}
		for i, d := range verdict.First {
			if d != want[i] {
				t.Errorf("difference %d is %+v, want %+v", i, d, want[i])
			}
		}
	})
}

func TestVerifyRefusesFilesThatChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	sealed := r.exact(Options{})
	path := r.plan.Manifest.Files[1].Path
	must(t, appendTo(path, "more"))
	_, err := r.verify(sealed)
	isError(t, err, ErrInput, strconv.Quote(path), "size")
	must(t, os.Remove(path))
	_, err = r.verify(sealed)
	isError(t, err, ErrInput, strconv.Quote(path))
}

func TestVerifyRefusesAResultThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	sealed := r.exact(Options{})
	sealed.Fence = "somebody else's"
	_, err := r.verify(sealed)
	isError(t, err, ErrNoResult)
	_, err = Clean(t.Context(), r.rdb, r.plan.Job)
	must(t, err)
	_, err = r.verify(sealed)
	isError(t, err, ErrNoResult)
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	sealed := r.exact(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := verify(ctx, r.plan.Manifest, Result{r.rdb, r.plan.Job, sealed.Fence}, Part{}, func(int64) { cancel() })
	isError(t, err, context.Canceled)
}

func TestVerifyReportsEveryByteAsItGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(5, 100))
	sealed := r.exact(Options{})
	most := int64(0)
	_, err := verify(t.Context(), r.plan.Manifest, Result{r.rdb, r.plan.Job, sealed.Fence}, Part{}, func(n int64) { most = max(most, n) })
	must(t, err)
	if most != r.plan.Manifest.Bytes {
		t.Errorf("%d of %d bytes were reported", most, r.plan.Manifest.Bytes)
	}
}

func TestThePartsOfAVerificationAddUpToTheWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(5, 30))
	sealed := r.exact(Options{Reducers: 3})
	must(t, r.rdb.ZIncrBy(t.Context(), r.plan.Job.Key("counts"), 1, "common1").Err())
	distinct, different := 0, 0
	for n := 1; n <= 4; n++ {
		v, err := verify(t.Context(), r.plan.Manifest, Result{r.rdb, r.plan.Job, sealed.Fence}, Part{n, 4}, func(int64) {})
		must(t, err)
		distinct, different = distinct+v.Distinct, different+v.Different
	}
	if distinct != sealed.Distinct || different != 1 {
		t.Errorf("%d distinct words, %d different; expected %d and 1", distinct, different, sealed.Distinct)
	}
}
