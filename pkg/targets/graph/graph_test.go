package graph_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets/graph"
)

// node returns a node of this test. Mage remembers nodes by name and ID for as long as the process
// lives, so the ID is the test's name.
func node(t *testing.T, name string, do func(context.Context) error, needs ...mg.Fn) *graph.Node {
	return graph.New(name, t.Name(), do, needs...)
}

func nothing(context.Context) error { return nil }

func TestANodeThatIsNeededTwiceRunsOnce(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	shared := node(t, "shared", func(context.Context) error { runs.Add(1); return nil })
	one, other := node(t, "one", nothing, shared), node(t, "other", nothing, shared)
	for range 2 {
		if err := graph.Run(t.Context(), one, other); err != nil {
			t.Fatal(err)
		}
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

func TestTwoNodesOfOneNameBothRunIfTheirIDsDiffer(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	count := func(context.Context) error { runs.Add(1); return nil }
	one, other := graph.New("count", t.Name()+" one", count), graph.New("count", t.Name()+" other", count)
	if err := graph.Run(t.Context(), one, other, one); err != nil {
		t.Fatal(err)
	}
	if n := runs.Load(); n != 2 {
		t.Errorf("they ran %d times", n)
	}
}

func TestTheFirstFailureEndsItsSiblingsAndIsTheOneReported(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	full := mg.Fatal(3, "it is full")
	var cause error
	fails := node(t, "fails", func(context.Context) error {
		<-waiting
		return full
	})
	waits := node(t, "waits", func(ctx context.Context) error {
		close(waiting)
		<-ctx.Done() // for ever, if nobody told us
		cause = context.Cause(ctx)
		return errors.New("a consequence")
	})
	never := node(t, "never", func(context.Context) error {
		t.Error("a node ran without what it needs")
		return nil
	}, waits, fails)
	err := graph.Run(t.Context(), never)
	if mg.ExitStatus(err) != 3 || err.Error() != full.Error() {
		t.Errorf("exit %d: %v", mg.ExitStatus(err), err)
	}
	if !errors.Is(cause, full) {
		t.Errorf("the sibling was told %v", cause)
	}
}

func TestAFailureThatBothSiblingsNeedIsReportedOnce(t *testing.T) {
	t.Parallel()
	broken := node(t, "broken", func(context.Context) error { return mg.Fatal(2, "no such folder") })
	one, other := node(t, "one", nothing, broken), node(t, "other", nothing, broken)
	err := graph.Run(t.Context(), node(t, "top", nothing, one, other))
	if mg.ExitStatus(err) != 2 || fmt.Sprint(err) != "no such folder" {
		t.Errorf("exit %d: %v", mg.ExitStatus(err), err)
	}
}

func TestANodeIsFoundByItsName(t *testing.T) {
	t.Parallel()
	seed := node(t, "seed", nothing)
	root := node(t, "run", nothing, node(t, "loop", nothing), node(t, "spawn", nothing, seed))
	if found := graph.Find(root, "seed"); found != seed {
		t.Errorf("found %v", found)
	}
	if found := graph.Find(root, "missing"); found != nil {
		t.Errorf("found %v", found)
	}
}
