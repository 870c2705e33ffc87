package check

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// AnySchedule tries n random schedules, unless the command line says how many. Rapid makes one that
// fails smaller and prints it. The test then prints the command that replays it; in is its package.
func AnySchedule(t *testing.T, in string, n int, try func(*rapid.T)) {
	f := flag.Lookup("rapid.checks")
	if before := f.Value.String(); before == f.DefValue {
		Must(t, flag.Set(f.Name, strconv.Itoa(n)))
		t.Cleanup(func() { flag.Set(f.Name, before) })
	}
	rapid.Check(Replayed{t, in}, try)
}

// Replayed is a test that says how to run its failure again.
type Replayed struct {
	*testing.T
	In string // its package
}

var failingSeed = regexp.MustCompile(`-rapid\.seed=\d+`)

// Errorf is testing.T's, and prints the command after a report of rapid's.
func (r Replayed) Errorf(format string, args ...any) {
	r.Helper()
	r.T.Errorf(format, args...)
	if seed := failingSeed.FindString(fmt.Sprintf(format, args...)); seed != "" {
		r.Logf("again: go test -count=1 -run '^%s$' %s -rapid.checks=1 %s", r.Name(), r.In, seed)
	}
}
