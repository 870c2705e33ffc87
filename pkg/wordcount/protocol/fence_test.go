package protocol_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobThatIsNotDoneHasNoResult(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	for _, next := range []func(){
		func() { h.MustCommit(1, 2, 3) },
		func() { h.Take("reduce", "w", 1); h.Store(0) },
	} {
		if _, err := h.Client.Fence(t.Context(), h.Run, "fence"); !errors.Is(err, protocol.ErrPhase) {
			t.Errorf("final: %v", err)
		}
		next()
	}
	if _, err := h.Client.Fence(t.Context(), h.Run, "fence"); err != nil {
		t.Errorf("final: %v", err)
	}
}

func TestAResultIsReadUnderItsFenceAlone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Finish()
	ctx := t.Context()
	for _, nonce := range []string{"first", "second"} {
		if end, err := h.Client.Fence(ctx, h.Run, nonce); end.Fence != "first" || err != nil {
			t.Errorf("the fence that stands is %q, %v", end.Fence, err)
		}
	}
	calls := map[string]func(fence string) error{
		"result":  func(fence string) error { _, err := h.Client.Page(ctx, fence, 0, 10); return err },
		"outputs": func(fence string) error { _, _, err := h.Client.Fenced(ctx, fence); return err },
		"sum":     func(fence string) error { _, _, err := h.Client.Sum(ctx, fence, 0, 10); return err },
		"dismiss": func(fence string) error { return h.Client.Dismiss(ctx, fence) },
		"discard": func(fence string) error { return h.Client.Discard(ctx, fence, 3600, protocol.Tally{}) },
	}
	for _, name := range []string{"result", "sum", "outputs", "dismiss", "discard"} {
		for _, fence := range []string{"second", ""} {
			if err := calls[name](fence); !errors.Is(err, protocol.ErrNoResult) {
				t.Errorf("%s under the fence %q: %v", name, fence, err)
			}
		}
	}
	if ttl := h.Client.Redis.TTL(ctx, h.Client.Job.Key("counts")).Val(); ttl != -1 {
		t.Errorf("the counts expire in %v", ttl)
	}
	h.Expect("nobody is dismissed", func(st protocol.Status) bool { return !st.Dismissed })
	for _, name := range []string{"result", "sum", "outputs", "dismiss", "discard"} {
		if err := calls[name]("first"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResultFilesAreListedUnderTheFenceAlone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewKeeping(t, 2, 1)
	h.Finish()
	fill(h, 0, true, 3, "three")
	fence := h.Fence()
	for _, other := range []string{"other", ""} {
		if files, err := h.Client.FencedResults(t.Context(), other); !errors.Is(err, protocol.ErrNoResult) {
			t.Errorf("under the fence %q: %v, %v", other, files, err)
		}
	}
	before, err := h.Client.FencedResults(t.Context(), fence)
	check.Must(t, err)
	check.Must(t, h.Client.Discard(t.Context(), fence, 0, protocol.Tally{}))
	files, err := h.Client.FencedResults(t.Context(), fence)
	if err != nil || len(files) != 2 || !slices.Equal(files, before) || files[0].Tokens+files[1].Tokens != 6 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestAResultThatLacksABuriedTaskIsNotFenced(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Finish()
	check.Must(t, h.Client.Redis.HSet(t.Context(), h.Client.Job.Key("dead"), "map 2", "error").Err())
	if end, err := h.Client.Fence(t.Context(), h.Run, "fence"); !errors.Is(err, protocol.ErrState) {
		t.Errorf("fenced by %q, %v", end.Fence, err)
	}
}

// Who seals a job without reducers looks at its outputs, because no reducer did. So they stay for
// the next one who does.
func TestOutputsThatReducersHaveReadAreDiscarded(t *testing.T) {
	t.Parallel()
	tally := protocol.Tally{Records: 5, Missing: 2, Unpacked: 1e12}
	for reducers, want := range []int{1, 0} {
		h := wordcounttest.New(t, reducers)
		h.Finish()
		fence := h.Fence()
		for _, when := range []string{"before", "after"} {
			outputs, left, err := h.Client.Fenced(t.Context(), fence)
			if err != nil || len(outputs) != want && when == "after" || len(outputs) != 1 && when == "before" {
				t.Errorf("%d reducers, %s: %+v, %v", reducers, when, outputs, err)
			}
			if gone := want == 0 && when == "after"; (left != nil) != gone || gone && *left != tally {
				t.Errorf("%d reducers, %s: the tally is %v", reducers, when, left)
			}
			check.Must(t, h.Client.Discard(t.Context(), fence, 0, tally))
		}
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("counted: %s", got)
		}
	}
}
