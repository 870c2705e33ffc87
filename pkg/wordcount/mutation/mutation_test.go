// Package mutation proves that tests hold the guards of the protocol. A file in testdata takes one
// guard out of the code, and names the tests that must then fail. `mage mutation` tries them all.
//
// Such a file has a header, an empty line, and the lines to change as a diff shows them: those with
// a minus go, those with a plus come, the others stay. A line @@ separates two places of one file.
// The lines of a place, before the change, must be in the file exactly once; there are no line
// numbers, so that other changes of the file do no harm.
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

type mutation struct {
	guard string // what the code does, and does not after the mutation
	file  string // relative to the repository
	tests string // which tests must fail, as a pattern for go test -run
	pkg   string // their package, as go test takes it
	edits []edit
}

// edit replaces whole lines.
type edit struct{ before, after string }

func TestEveryMutationFitsTheCode(t *testing.T) {
	for _, m := range readAll(t) {
		text, err := os.ReadFile(filepath.Join(repository, m.file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.apply(string(text)); err != nil {
			t.Errorf("%s: %v", m.guard, err)
		}
	}
}

func TestEveryTestThatAMutationNamesExists(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, m := range readAll(t) {
		files, err := filepath.Glob(filepath.Join(repository, m.pkg, "*_test.go"))
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
		for _, one := range strings.Split(strings.Trim(m.tests, "^$()"), "|") {
			name, _, _ := strings.Cut(one, "/") // a subtest has its name when it runs
			pattern, err := regexp.Compile(strings.Trim(name, "^$()"))
			if err != nil {
				t.Errorf("%s: %v", m.guard, err)
			} else if !slices.ContainsFunc(names, pattern.MatchString) {
				t.Errorf("%s: %s has no test %s", m.guard, m.pkg, name)
			}
		}
	}
}

func TestLinesThatAreNotInTheFileOnceAreRefused(t *testing.T) {
	const file = "one\ntwo\n\nthree\ntwo\n"
	for diff, want := range map[string]string{
		"-one\n+1\n":                 "1\ntwo\n\nthree\ntwo\n",
		" one\n two\n\n-three\n":     "one\ntwo\n\ntwo\n",
		"-one\n@@\n three\n+three\n": "two\n\nthree\nthree\ntwo\n",
		"-two\n":                     "", // twice
		"-ne\n+1\n":                  "", // no whole line
		"+four\n":                    "", // anywhere
	} {
		m, err := parse("guard: g\nfile: f\ntests: t\npackage: p\n\n" + diff)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.apply(file)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q makes %q (%v), want %q", diff, got, err, want)
		}
	}
	if _, err := parse("guard: g\nfile: f\n\n-x\n"); err == nil {
		t.Error("a header without tests is taken")
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
	all := readAll(t)
	if !t.Run("without any mutation", func(t *testing.T) { requirePass(ctx, t, repo, all) }) {
		return
	}
	tried, caught := 0, 0
	for _, m := range all {
		t.Run(m.guard, func(t *testing.T) {
			began := time.Now()
			tried++
			by, _, err := m.try(ctx, repo)
			if err != nil {
				t.Fatal(err)
			}
			if by == "" {
				by = "SURVIVED " + m.tests
				t.Error("no test noticed")
			} else {
				caught++
			}
			fmt.Printf("%-54s %5.1fs  %s\n", m.guard, time.Since(began).Seconds(), by)
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
	for _, m := range readAll(t) {
		if m.file != "lua/wordcount.lua" || ctx.Err() != nil {
			continue
		}
		m.tests, m.pkg = judges, judgesIn
		t.Run(m.guard, func(t *testing.T) {
			began := time.Now()
			_, log, err := m.try(ctx, repo, fmt.Sprint("-rapid.checks=", *judge), "-rapid.steps=50", "-rapid.shrinktime=0s", "-rapid.nofailfile")
			if err != nil {
				t.Fatal(err)
			}
			tried++
			said := "no history shows it"
			if _, why, ok := strings.Cut(string(log), forbidden); ok {
				caught++
				said, _, _ = strings.Cut(why, "\n")
			}
			fmt.Printf("%-54s %5.1fs  %s\n", m.guard, time.Since(began).Seconds(), said)
		})
	}
	fmt.Printf("%d of %d mutations of the library are noticed by histories alone\n", caught, tried)
}

// requirePass runs the tests without a mutation, because a test that always fails would seem to
// notice every one.
func requirePass(ctx context.Context, t *testing.T, repo string, all []mutation) {
	tests := map[string][]string{}
	for _, m := range all {
		tests[m.pkg] = append(tests[m.pkg], m.tests)
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

func readAll(t *testing.T) (all []mutation) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.diff")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no mutations in testdata: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, m)
	}
	return all
}

func parse(text string) (m mutation, err error) {
	header, diff, _ := strings.Cut(text, "\n\n")
	fields := map[string]*string{"guard": &m.guard, "file": &m.file, "tests": &m.tests, "package": &m.pkg}
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

// apply returns the text of the file after the mutation.
func (m mutation) apply(text string) (string, error) {
	text = "\n" + text // so that each line has a newline before it
	for _, e := range m.edits {
		if n := strings.Count(text, "\n"+e.before); n != 1 || e.before == "" {
			return "", fmt.Errorf("%s has these lines %d times, not once:\n%s", m.file, n, e.before)
		}
		text = strings.Replace(text, "\n"+e.before, "\n"+e.after, 1)
	}
	return text[1:], nil
}

// try applies a mutation to the copy of the repository, and takes it back. It returns the test that
// failed, or "", and what the tests printed.
func (m mutation) try(ctx context.Context, repo string, flags ...string) (failed string, log []byte, err error) {
	path := filepath.Join(repo, m.file)
	before, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	after, err := m.apply(string(before))
	if err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
		return "", nil, err
	}
	failed, log, err = run(ctx, repo, m.tests, m.pkg, testLimit, flags...)
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
