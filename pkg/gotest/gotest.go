// Package gotest runs go test so that no skipped test goes unnoticed: it prints each with its reason, and fails if one of
// them isn't on the list of those that may be skipped.
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

// List is the file that names the tests which may be skipped: a line each, the test's name and why that is fine. A name
// stands for its subtests, too.
const List = ".ci/skips"

// ErrSkipped: a test was skipped that isn't on the list.
var ErrSkipped = errors.New("tests were skipped that " + List + " doesn't name")

// Run runs go test with these arguments, in the repository's folder, and returns the names of the tests that passed or were
// skipped. It prints what go test would print, and the skipped tests of each package. Variables of env come on top of our own.
func Run(ctx context.Context, out io.Writer, env []string, args ...string) (ran []string, err error) {
	list, err := os.ReadFile(List)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := report{out: out, allowed: allowed(string(list)), output: map[test]*strings.Builder{}}
	err = r.read(events)
	io.Copy(io.Discard, events) // or it would wait for us
	if err = cmp.Or(cmd.Wait(), err); err == nil && len(r.unlisted) > 0 {
		err = fmt.Errorf("%w: %s", ErrSkipped, strings.Join(r.unlisted, ", "))
	}
	return r.ran, err
}

// allowed are the names on the list.
func allowed(list string) (names []string) {
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
			names = append(names, f[0])
		}
	}
	return names
}

type test struct{ Package, Test string }

// event is what go test -json says, as in cmd/test2json.
type event struct {
	test
	Action string
	Output string
}

// report makes of events what a person reads.
type report struct {
	out     io.Writer
	allowed []string

	output   map[test]*strings.Builder // of tests that haven't ended
	ran      []string                  // and didn't fail
	unlisted []string                  // skipped, though it isn't allowed
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
		if json.Unmarshal(line, &e) != nil { // what go test says of itself
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
		if !whole { // else a package without tests
			r.ran = append(r.ran, e.Test)
			r.skipped(e.test)
		}
		delete(r.output, e.test)
	case "fail":
		for t, output := range r.output { // also of tests that didn't come to their end, where the whole package failed
			if t == e.test || whole && t.Package == e.Package {
				io.WriteString(r.out, output.String())
				delete(r.output, t)
			}
		}
	}
}

// skipped tells of a skipped test, and the last that it said, which is why it was.
func (r *report) skipped(t test) {
	why := "it doesn't say why"
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
