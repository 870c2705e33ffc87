// Package mutation checks the tests of package wordcount: it takes out the guards of the protocol, one by one, in a copy
// of the repository, and requires that a test notices each.
package mutation

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Mutation takes out one guard.
type Mutation struct {
	Guard string // what is not guarded any more
	File  string // relative to the repository
	Edits []Edit
	Tests string // which tests ought to notice, as a pattern for go test -run
	In    string // the package of these tests; ./pkg/wordcount if ""
}

// Edit replaces a text that the file has exactly once.
type Edit struct{ Old, New string }

// ErrSurvived: a guard was taken out, and no test noticed.
var ErrSurvived = errors.New("mutation: some survived")

const (
	testLimit = 3 * time.Minute  // how long the tests of one mutation may take; one that hangs is noticed too, by this
	allLimit  = 20 * time.Minute // how long all of them may take without any
)

// Check applies each mutation to a temporary copy of the repository, runs the tests that ought to notice, and prints
// which did. It returns ErrSurvived if none did.
func Check(ctx context.Context, repo string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "mutation-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyRepo(dir, repo); err != nil {
		return fmt.Errorf("copy the repository: %w", err)
	}
	// First without: a test that fails anyway would notice everything.
	all := map[string][]string{}
	for _, m := range Mutations {
		all[m.In] = append(all[m.In], m.Tests)
	}
	for in, tests := range all {
		caught, log, err := test(ctx, dir, strings.Join(tests, "|"), in, allLimit)
		if err == nil && caught != "" {
			err = fmt.Errorf("%s fails without any mutation:\n%s", caught, log)
		}
		if err != nil {
			return err
		}
	}
	survived := 0
	for _, m := range Mutations {
		start := time.Now()
		caught, err := m.try(ctx, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Guard, err)
		}
		if caught == "" {
			caught = "SURVIVED " + m.Tests
			survived++
		}
		fmt.Fprintf(out, "%-54s %5.1fs  %s\n", m.Guard, time.Since(start).Seconds(), caught)
	}
	fmt.Fprintf(out, "%d of %d mutations caught\n", len(Mutations)-survived, len(Mutations))
	if survived > 0 {
		return ErrSurvived
	}
	return nil
}

// try applies a mutation to the copy in dir, and takes it back. It returns the test that noticed, or "".
func (m Mutation) try(ctx context.Context, dir string) (caught string, err error) {
	path := filepath.Join(dir, m.File)
	before, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	after, err := m.apply(string(before))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
		return "", err
	}
	caught, _, err = test(ctx, dir, m.Tests, m.In, testLimit)
	return caught, errors.Join(err, os.WriteFile(path, before, 0o644))
}

func (m Mutation) apply(text string) (string, error) {
	for _, e := range m.Edits {
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("%s has this text %d times, not once:\n%s", m.File, n, e.Old)
		}
		text = strings.Replace(text, e.Old, e.New, 1)
	}
	return text, nil
}

var (
	failed  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	running = regexp.MustCompile(`(?m)^\s+(Test\S+) \(`) // in the report of a test that hangs
)

// test runs some tests in dir, and returns the one that failed, or "".
func test(ctx context.Context, dir, pattern, in string, limit time.Duration) (caught string, log []byte, err error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-failfast", "-parallel=4", "-timeout="+limit.String(),
		"-run="+pattern, cmp.Or(in, "./pkg/wordcount"))
	cmd.Dir = dir
	// The tests' processes end with the go command's group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	log, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", log, context.Cause(ctx)
	case err == nil && bytes.Contains(log, []byte("no tests to run")):
		return "", log, fmt.Errorf("no test matches %s", pattern)
	case err == nil:
		return "", log, nil
	case !errors.As(err, &exit):
		return "", log, err
	}
	for _, p := range []*regexp.Regexp{failed, running} {
		if m := p.FindSubmatch(log); m != nil {
			return string(m[1]), log, nil
		}
	}
	return "", log, fmt.Errorf("the tests do not run: %w\n%s", err, log)
}

// copyRepo copies what is source; the state of jobs and the history are not.
func copyRepo(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (name == ".git" || name == ".wordcount"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o644)
	})
}
