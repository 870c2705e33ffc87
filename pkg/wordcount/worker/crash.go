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

// CrashPoint is a moment at which a fault can make a worker kill itself.
type CrashPoint string

// The crash points, in the order in which a task passes them.
const (
	BeforeRead   CrashPoint = "before-read"   // before the worker asks for its first task
	AfterRead    CrashPoint = "after-read"    // the worker holds a task and has done nothing
	MidCount     CrashPoint = "mid-count"     // a split is partly counted
	BeforeCommit CrashPoint = "before-commit" // counted, commit not yet sent
	AfterCommit  CrashPoint = "after-commit"  // committed, reply not yet handled
)

// CrashPoints are all crash points.
var CrashPoints = []CrashPoint{BeforeRead, AfterRead, MidCount, BeforeCommit, AfterCommit}

// Faults are what one worker does wrong on purpose.
type Faults struct {
	Crash CrashPoint    `json:",omitempty"` // where the worker kills itself; "": nowhere
	Slow  time.Duration `json:",omitempty"` // how long the worker sleeps before each map task
}

// ParseFaults parses the faults of a job's workers: "crash@POINT:N" and "slow=DURATION:N",
// separated by commas. N workers get each fault, one fault after the other. The result has one
// element for each worker that has a fault. The error wraps protocol.ErrInput.
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

// at kills the process if p is its crash point. It uses SIGKILL, because then no more code of this
// process runs.
func (f Faults) at(p CrashPoint) {
	if f.Crash == p {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
