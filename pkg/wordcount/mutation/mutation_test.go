// Package mutation proves that tests hold the guards of the protocol. A file in testdata takes one
// guard out of the code, and names the tests that must then fail. `mage mutation` tries them all.
// Package mutant says what such a file looks like.
package mutation

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/mutant"
)

var (
	mutate = flag.Bool("mutate", false, "take out each guard, and require that a test fails")
	judge  = flag.Int("judge", 0, "take out each guard of the library, and ask the histories of so many schedules alone")
)

const (
	repository = "../../.."
	testLimit  = 3 * time.Minute  // of the tests of one mutation; a test that hangs fails by this
	allLimit   = 20 * time.Minute // of the tests of a package without a mutation
)

func TestEveryMutationFitsTheCode(t *testing.T) {
	for _, m := range mutant.All(t, "testdata") {
		text, err := os.ReadFile(filepath.Join(repository, m.File))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Apply(string(text)); err != nil {
			t.Errorf("%s: %v", m.Guard, err)
		}
	}
}

func TestEveryTestThatAMutationNamesExists(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, m := range mutant.All(t, "testdata") {
		files, err := filepath.Glob(filepath.Join(repository, m.Package, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range declared.FindAllSubmatch(text, -1) {
				names = append(names, string(match[1]))
			}
		}
		for _, one := range strings.Split(strings.Trim(m.Tests, "^$()"), "|") {
			name, _, _ := strings.Cut(one, "/") // a subtest has its name when it runs
			pattern, err := regexp.Compile(strings.Trim(name, "^$()"))
			if err != nil {
				t.Errorf("%s: %v", m.Guard, err)
			} else if !slices.ContainsFunc(names, pattern.MatchString) {
				t.Errorf("%s: %s has no test %s", m.Guard, m.Package, name)
			}
		}
	}
}

// TestTheTestsNoticeEachMissingGuard takes minutes, and does nothing without the flag. For a single
// guard: go test ./pkg/wordcount/mutation -run 'Notice/seeding_leaves_no_gap' -args -mutate
func TestTheTestsNoticeEachMissingGuard(t *testing.T) {
	if !*mutate {
		return
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	repo := t.TempDir()
	if err := copyRepository(repo, repository); err != nil {
		t.Fatal(err)
	}
	all := mutant.All(t, "testdata")
	if !t.Run("without any mutation", func(t *testing.T) { requirePass(ctx, t, repo, all) }) {
		return
	}
	tried, caught := 0, 0
	for _, m := range all {
		t.Run(m.Guard, func(t *testing.T) {
			began := time.Now()
			tried++
			by, _, err := try(ctx, repo, m)
			if err != nil {
				t.Fatal(err)
			}
			if by == "" {
				by = "SURVIVED " + m.Tests
				t.Error("no test noticed")
			} else {
				caught++
			}
			fmt.Printf("%-54s %5.1fs  %s\n", m.Guard, time.Since(began).Seconds(), by)
		})
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Printf("%d of %d mutations caught\n", caught, tried)
}

// What asks the recorded histories, and nothing else: each of many schedules has one.
const (
	judges    = "^TestWhateverTheLibraryAnswersIsAllowed$"
	judgesIn  = "./pkg/wordcount/history/check"
	forbidden = "the protocol forbids it: " // begins what they say
)

// TestHistoriesAloneNoticeMissingGuards takes many minutes, and does nothing without the flag. It
// counts, and requires nothing: no history shows a guard of rights, of types, or of what nobody does.
// For a single guard: go test ./pkg/wordcount/mutation -run 'Histories.*/seeding_leaves_no_gap' -args -judge=100
func TestHistoriesAloneNoticeMissingGuards(t *testing.T) {
	if *judge == 0 {
		return
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	repo := t.TempDir()
	if err := copyRepository(repo, repository); err != nil {
		t.Fatal(err)
	}
	tried, caught := 0, 0
	for _, m := range mutant.All(t, "testdata") {
		if m.File != "lua/wordcount.lua" || ctx.Err() != nil {
			continue
		}
		m.Tests, m.Package = judges, judgesIn
		t.Run(m.Guard, func(t *testing.T) {
			began := time.Now()
			_, log, err := try(ctx, repo, m, fmt.Sprint("-rapid.checks=", *judge), "-rapid.steps=50", "-rapid.shrinktime=0s", "-rapid.nofailfile")
			if err != nil {
				t.Fatal(err)
			}
			tried++
			said := "no history shows it"
			if _, why, ok := strings.Cut(string(log), forbidden); ok {
				caught++
				said, _, _ = strings.Cut(why, "\n")
			}
			fmt.Printf("%-54s %5.1fs  %s\n", m.Guard, time.Since(began).Seconds(), said)
		})
	}
	fmt.Printf("%d of %d mutations of the library are noticed by histories alone\n", caught, tried)
}

// requirePass runs the tests without a mutation, because a test that always fails would seem to
// notice every one.
func requirePass(ctx context.Context, t *testing.T, repo string, all []mutant.Mutant) {
	tests := map[string][]string{}
	for _, m := range all {
		tests[m.Package] = append(tests[m.Package], m.Tests)
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		failed, log, err := run(ctx, repo, strings.Join(tests[pkg], "|"), pkg, allLimit)
		if err != nil {
			t.Fatal(err)
		}
		if failed != "" {
			t.Fatalf("%s fails without a mutation:\n%s", failed, log)
		}
	}
}

// try applies a mutation to the copy of the repository, and takes it back. It returns the test that
// failed, or "", and what the tests printed.
func try(ctx context.Context, repo string, m mutant.Mutant, flags ...string) (failed string, log []byte, err error) {
	path := filepath.Join(repo, m.File)
	before, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	after, err := m.Apply(string(before))
	if err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
		return "", nil, err
	}
	failed, log, err = run(ctx, repo, m.Tests, m.Package, testLimit, flags...)
	return failed, log, errors.Join(err, os.WriteFile(path, before, 0o644))
}

var (
	failedTest  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	hangingTest = regexp.MustCompile(`(?m)^\s+(Test\S+) \(`) // in the report of a test that hangs
)

// run runs tests in the copy of the repository, and returns the one that failed, or "".
func run(ctx context.Context, repo, tests, pkg string, limit time.Duration, flags ...string) (failed string, log []byte, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-failfast", "-parallel=4",
		"-timeout=" + limit.String(), "-run=" + tests, pkg}, flags...)...)
	cmd.Dir = repo
	// The processes of the tests end with the process group of the go command.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	log, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", log, context.Cause(ctx)
	case err == nil && bytes.Contains(log, []byte("no tests to run")):
		return "", log, fmt.Errorf("no test in %s matches %s", pkg, tests)
	case err == nil:
		return "", log, nil
	case !errors.As(err, &exit):
		return "", log, err
	}
	for _, p := range []*regexp.Regexp{failedTest, hangingTest} {
		if m := p.FindSubmatch(log); m != nil {
			return string(m[1]), log, nil
		}
	}
	return "", log, fmt.Errorf("the tests do not run: %w\n%s", err, log)
}

// copyRepository copies everything but the history and the state of jobs.
func copyRepository(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".wordcount"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, info.Mode().Perm())
	})
}
