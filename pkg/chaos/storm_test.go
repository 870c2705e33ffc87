package chaos

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestAStormIsOverWithItsJob(t *testing.T) {
	t.Parallel()
	a := newTarget(t) // nobody supervises it
	storm := Storm{Every: time.Microsecond, Outlived: func(f Fault, _ time.Duration) { t.Errorf("%s was outlived", f.Name) }}
	if err := storm.Run(t.Context(), a.Attack, nil, 0); err == nil {
		t.Error("it says that the time was over")
	}
}

func TestAStormEndsWithItsTime(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	end := make(chan struct{})
	close(end)
	storm := Storm{Every: time.Hour, Outlived: func(f Fault, _ time.Duration) { t.Errorf("%s was outlived", f.Name) }}
	if err := storm.Run(t.Context(), a.Attack, end, 0); err != nil {
		t.Error(err)
	}
	if len(a.said) != 0 {
		t.Errorf("said %q", a.said)
	}
}

func TestAJobThatIsAboutToBeResumedIsNotOver(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	a.resuming = new(atomic.Bool)
	if _, err := a.moves(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("nobody is about to: %v", err)
	}
	a.resuming.Store(true)
	if !a.alive() {
		t.Error("it passes for over")
	}
}
