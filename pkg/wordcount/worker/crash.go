package worker

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// CrashPoint is a moment at which a worker can be made to kill itself.
type CrashPoint string

// The moments, in the order of a task's life.
const (
	BeforeRead   CrashPoint = "before-read"   // before it asks for its first task
	AfterRead    CrashPoint = "after-read"    // it holds a task and has done nothing
	MidCount     CrashPoint = "mid-count"     // a split is partly counted
	BeforeCommit CrashPoint = "before-commit" // all is counted, nothing is said
	AfterCommit  CrashPoint = "after-commit"  // all is said, the worker doesn't know
)

// CrashPoints are all of them.
var CrashPoints = []CrashPoint{BeforeRead, AfterRead, MidCount, BeforeCommit, AfterCommit}

// Faults are what one worker does wrong, on purpose.
type Faults struct {
	Crash CrashPoint    `json:",omitempty"`
	Slow  time.Duration `json:",omitempty"` // sleeps so long over each task
}

// ParseFaults reads a team's faults: "crash@POINT:N" and "slow=DURATION:N", separated by commas. N workers get each,
// one after the other; the result has one element a worker that has a fault. The error wraps ErrInput.
func ParseFaults(s string) ([]Faults, error) {
	var team []Faults
	for field := range strings.SplitSeq(s, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		what, workers, _ := strings.Cut(field, ":")
		n, err := strconv.Atoi(workers)
		var f Faults
		if point, ok := strings.CutPrefix(what, "crash@"); ok && slices.Contains(CrashPoints, CrashPoint(point)) {
			f.Crash = CrashPoint(point)
		} else if pause, ok := strings.CutPrefix(what, "slow="); ok {
			var slowErr error
			if f.Slow, slowErr = time.ParseDuration(pause); slowErr != nil || f.Slow <= 0 {
				err = strconv.ErrSyntax
			}
		} else {
			err = strconv.ErrSyntax
		}
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%w: fault %q: write crash@POINT:WORKERS or slow=DURATION:WORKERS, where POINT is one of %v",
				protocol.ErrInput, field, CrashPoints)
		}
		team = append(team, slices.Repeat([]Faults{f}, n)...)
	}
	return team, nil
}

// at kills the process if this is the moment. SIGKILL, for nothing of ours may run on the way out.
func (f Faults) at(p CrashPoint) {
	if f.Crash == p {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
