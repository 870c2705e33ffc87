// Package gotest runs go test for the targets of the magefile. Run lets no skipped test go
// unnoticed: it prints each with its reason, and fails if one is not on the list of tests that may
// be skipped. Without leaves long tests out, and Only runs them. Exec runs benchmarks and long
// checks, which print for themselves.
package gotest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Lists of tests. A line has the name of a test, and the reason why it is listed. A name includes
// its subtests.
const (
	List = ".ci/skips" // the tests that may be skipped
	Long = ".ci/long"  // the tests that take long by nature
)

// ErrSkipped says that a test was skipped that is not on the list.
var ErrSkipped = errors.New("gotest: tests were skipped that " + List + " doesn't name")

// Run runs go test with these arguments in the working folder, which must be the repository. It
// prints what go test prints, and the skipped tests. It returns the names of the tests that passed
// or were skipped. env has variables to add to those of this process.
func Run(ctx context.Context, out io.Writer, env []string, args ...string) (ran []string, err error) {
	list, err := os.ReadFile(List)
	if err != nil {
		return nil, err
	}
	// go test would vet each package before its tests, which the linters do, too.
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-vet=off"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := report{out: out, allowed: names(string(list)), output: map[test]*strings.Builder{}}
	err = r.read(events)
	io.Copy(io.Discard, events) // after an error, because go test waits until its output is read
	if err = cmp.Or(cmd.Wait(), err); err == nil && len(r.unlisted) > 0 {
		err = fmt.Errorf("%w: %s", ErrSkipped, strings.Join(r.unlisted, ", "))
	}
	return r.ran, err
}

// Without returns the argument of go test that leaves out the tests of a list.
func Without(list string) (arg string, err error) { return argument("skip", list) }

// Only returns the argument of go test that runs the tests of a list and no others.
func Only(list string) (arg string, err error) { return argument("run", list) }

func argument(flag, list string) (arg string, err error) {
	text, err := os.ReadFile(list)
	return "-" + flag + "=^(" + strings.Join(names(string(text)), "|") + ")$", err
}

// names are the names on a list.
func names(list string) (names []string) {
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
			names = append(names, f[0])
		}
	}
	return names
}

type test struct{ Package, Test string }

// event is a line of go test -json, as cmd/test2json documents it.
type event struct {
	test
	Action string
	Output string
}

// report turns events into what a person reads.
type report struct {
	out     io.Writer
	allowed []string

	output   map[test]*strings.Builder // of tests that are running
	ran      []string                  // tests that passed or were skipped
	unlisted []string                  // tests that were skipped and are not on the list
}

func (r *report) read(events io.Reader) error {
	in := bufio.NewReader(events)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var e event
		if json.Unmarshal(line, &e) != nil { // a line of go test itself
			r.out.Write(line)
			continue
		}
		r.note(e)
	}
}

func (r *report) note(e event) {
	whole := e.Test == ""
	switch e.Action {
	case "build-output":
		io.WriteString(r.out, e.Output)
	case "output":
		switch {
		case whole && e.Output == "PASS\n", strings.HasPrefix(e.Output, "=== "):
		case whole:
			io.WriteString(r.out, e.Output)
		default:
			if r.output[e.test] == nil {
				r.output[e.test] = new(strings.Builder)
			}
			r.output[e.test].WriteString(e.Output)
		}
	case "pass":
		if !whole {
			r.ran = append(r.ran, e.Test)
		}
		delete(r.output, e.test)
	case "skip":
		if !whole { // a whole package is skipped if it has no tests
			r.ran = append(r.ran, e.Test)
			r.skipped(e.test)
		}
		delete(r.output, e.test)
	case "fail":
		// Where the whole package failed, tests that never ended are shown, too.
		for t, output := range r.output {
			if t == e.test || whole && t.Package == e.Package {
				io.WriteString(r.out, output.String())
				delete(r.output, t)
			}
		}
	}
}

// skipped prints that a test was skipped, and its last line, which is the reason.
func (r *report) skipped(t test) {
	why := "it does not say why"
	if output := r.output[t]; output != nil {
		for line := range strings.Lines(output.String()) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "--- SKIP") {
				why = line
			}
		}
	}
	verdict := "skipped"
	if !r.listed(t.Test) {
		verdict = "skipped, and not in " + List
		r.unlisted = append(r.unlisted, t.Test)
	}
	fmt.Fprintf(r.out, "%s: %s: %s\n", verdict, t.Test, why)
}

func (r *report) listed(name string) bool {
	for _, allowed := range r.allowed {
		if name == allowed || strings.HasPrefix(name, allowed+"/") {
			return true
		}
	}
	return false
}
