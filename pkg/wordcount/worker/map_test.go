package worker

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestErrorsAndDeathsOfATaskAreCountedApart(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	// life is one worker's: it takes what is there, looks up what became of those before it, and
	// meets errors.
	life := func(name string, errs int) *Worker {
		w := h.doing(name, "map")
		check.Must(t, w.fetch(t.Context()))
		if len(w.todo) != 1 {
			t.Fatalf("%s has %v", name, w.todo)
		}
		if w.todo[0].Stolen {
			check.Must(t, w.examine(t.Context()))
		}
		for range errs {
			check.Must(t, w.failed(t.Context(), w.todo[0], errors.New("an error")))
		}
		return w
	}
	graves := 0
	for i, c := range []struct {
		errors, deaths int
		buried         bool
	}{
		{errorLimit - 1, deathLimit - 1, false}, // together more than either limit
		{errorLimit, 0, true},
		{errorLimit - 1, deathLimit, true},
	} {
		w := life(fmt.Sprintf("%d", i), c.errors)
		for n := range c.deaths {
			_, err := h.Client.Release(t.Context(), h.Run, w.spec.Consumer, true)
			check.Must(t, err)
			w = life(fmt.Sprintf("%d after %d", i, n+1), 0)
		}
		if c.buried {
			graves++
		}
		if buried := len(w.todo) == 0; buried != c.buried {
			t.Errorf("after %d errors and %d deaths it is %v that the task was buried", c.errors, c.deaths, buried)
		}
		h.Expect(fmt.Sprintf("%d tasks were buried", graves), func(st protocol.Status) bool { return st.Buried == graves })
		if !c.buried {
			h.MustCommit(i + 1)
		}
	}
}

func TestWhatAFailedSplitHasSpoiltIsCountedAnew(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := newHand(t, reducers)
		ctx := t.Context()
		w := h.mapping("w")
		path := h.Splits[1].Path
		info, err := os.Stat(path)
		check.Must(t, err)
		change := func() { // once it is open, so that it is counted before it is compared again
			if w.todo[0].Number == 2 {
				check.Must(t, os.WriteFile(path, []byte("4ou 4ou"), 0o644))
				check.Must(t, os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second)))
			}
		}
		count := func() {
			for len(w.todo) > 0 {
				check.Must(t, w.step(ctx, meddling{ctx, func() { change() }}))
			}
			check.Must(t, w.commitHeld(ctx))
		}
		h.take(w, wordcounttest.Tasks)
		count()
		h.Expect("the changed one is buried", func(st protocol.Status) bool { return st.Mapped == 2 && st.Buried == 1 })
		check.Must(t, os.WriteFile(path, []byte("two two"), 0o644))
		check.Must(t, os.Chtimes(path, time.Time{}, info.ModTime()))
		change = func() {}
		_, err = h.Client.Requeue(ctx, h.Run)
		check.Must(t, err)
		check.Must(t, w.fetch(ctx))
		count()
		for range reducers {
			h.Store(h.Take("reduce", "w", 1)[0] - 1)
		}
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("counted: %s", got)
		}
	}
}

func TestAFileThatChangesWhileItIsCountedIsNoticed(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	split := h.Splits[1]
	touch := func() { check.Must(t, os.Chtimes(split.Path, time.Time{}, time.Unix(1, 0))) }
	w := h.mapping("w")
	_, err := w.count(meddling{t.Context(), touch}, split)
	if _, changed := errors.AsType[*input.ChangedError](err); !changed {
		t.Errorf("counted with %v", err)
	}
}

func TestACompressedFileThatIsCutWhileItIsCountedHasChanged(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	split := h.Splits[1]
	check.Must(t, os.WriteFile(split.Path, check.Gzip(t, "two two"), 0o600))
	now, err := input.Stat(split.Path)
	check.Must(t, err)
	split.Size, split.Len, split.MTime = now.Size, now.Size, now.Mtime
	w := h.mapping("w")
	tokens, err := w.count(t.Context(), split)
	if check.Must(t, err); tokens != 2 {
		t.Errorf("%d words", tokens)
	}
	cut := func() { check.Must(t, os.Truncate(split.Path, now.Size-1)) }
	_, err = w.count(meddling{t.Context(), cut}, split)
	if _, changed := errors.AsType[*input.ChangedError](err); !changed {
		t.Errorf("counted with %v", err)
	}
}

func TestAMapThatMayHaveKilledItsWorkersRunsAlone(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	heir := h.mapping("heir")
	h.take(heir, 1)
	check.Must(t, heir.mapSplit(ctx, ctx, heir.todo[0]))
	owner := "w"
	h.Take("map", owner, 2)
	for n := range protocol.AloneFrom {
		_, err := h.Client.Release(ctx, h.Run, owner, true)
		check.Must(t, err)
		// The next worker that takes them dies, too.
		owner = fmt.Sprint("w", n)
		w := h.mapping(owner)
		check.Must(t, w.fetch(ctx))
		if len(w.todo) != 2 {
			t.Fatalf("stolen: %v", w.todo)
		}
	}
	_, err := h.Client.Release(ctx, h.Run, owner, false)
	check.Must(t, err)
	check.Must(t, heir.fetch(ctx))
	for mapped := 0; len(heir.todo) > 0; {
		check.Must(t, heir.step(ctx, ctx))
		now := h.Status().Mapped
		if now > mapped+1 || mapped > 0 && len(heir.combiner.Held()) > 0 {
			t.Errorf("%d tasks are committed, after %d, and %d held", now, mapped, len(heir.combiner.Held()))
		}
		mapped = now
	}
	h.Expect("all are counted", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks && st.Tokens == 6 })
}
