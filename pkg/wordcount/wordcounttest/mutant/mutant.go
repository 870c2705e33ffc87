// Package mutant changes the text of a source file, to take one guard out of the code.
//
// A file of the form .diff says how. It has a header, an empty line, and the lines to change as a
// diff shows them: those with a minus go, those with a plus come, the others stay. A line @@
// separates two places of one file. The lines of a place, before the change, must be in the file
// exactly once; there are no line numbers, so that other changes of the file do no harm.
package mutant

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Mutant is code without a guard.
type Mutant struct {
	Guard   string // what the code does, and does not after the mutation
	File    string // relative to the repository
	Tests   string // which tests must fail, as a pattern for go test -run
	Package string // their package, as go test takes it
	edits   []edit
}

// edit replaces whole lines.
type edit struct{ before, after string }

// All reads all mutants in a folder.
func All(tb testing.TB, dir string) (all []Mutant) {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.diff"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no mutations in %s: %v", dir, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		m, err := parse(string(text))
		if err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		all = append(all, m)
	}
	return all
}

func parse(text string) (m Mutant, err error) {
	header, diff, _ := strings.Cut(text, "\n\n")
	fields := map[string]*string{"guard": &m.Guard, "file": &m.File, "tests": &m.Tests, "package": &m.Package}
	for line := range strings.SplitSeq(header, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		if fields[name] == nil || value == "" {
			return m, fmt.Errorf("%q is not a line of a header", line)
		}
		*fields[name] = value
		delete(fields, name)
	}
	if len(fields) > 0 {
		return m, fmt.Errorf("the header has no %s", strings.Join(slices.Sorted(maps.Keys(fields)), " and no "))
	}
	var e edit
	for line := range strings.Lines(diff) {
		switch rest := line[1:]; line[0] {
		case '-':
			e.before += rest
		case '+':
			e.after += rest
		case ' ':
			e.before, e.after = e.before+rest, e.after+rest
		case '\n': // an empty line that stays; editors remove a space at the end of a line
			e.before, e.after = e.before+line, e.after+line
		case '@':
			m.edits, e = append(m.edits, e), edit{}
		default:
			return m, fmt.Errorf("%q begins with none of minus, plus, space and @", line)
		}
	}
	m.edits = append(m.edits, e)
	return m, nil
}

// Apply returns the text of the file after the mutation.
func (m Mutant) Apply(text string) (string, error) {
	text = "\n" + text // so that each line has a newline before it
	for _, e := range m.edits {
		if n := strings.Count(text, "\n"+e.before); n != 1 || e.before == "" {
			return "", fmt.Errorf("%s has these lines %d times, not once:\n%s", m.File, n, e.before)
		}
		text = strings.Replace(text, "\n"+e.before, "\n"+e.after, 1)
	}
	return text[1:], nil
}
