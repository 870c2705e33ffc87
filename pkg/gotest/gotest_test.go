package gotest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inModule makes a module with these tests, and makes its folder the working folder.
func inModule(t *testing.T, tests, list string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for path, text := range map[string]string{
		"go.mod":      "module example.com/tests\n\ngo 1.26.0\n",
		"a_test.go":   "package a\n\nimport (\n\t\"fmt\"\n\t\"testing\"\n)\n\nvar _ = fmt.Print\n\n" + tests,
		"b/b.go":      "package b\n",
		"b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) {}\n",
		List:          list,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEachSkippedTestIsToldAndMustBeOnTheList(t *testing.T) {
	const tests = `
func TestDeep(t *testing.T) {
	t.Run("a b", func(t *testing.T) { t.Log("first"); t.Skip("no engine") })
	t.Run("c", func(t *testing.T) {})
}
func TestDeeper(t *testing.T) { t.SkipNow() }
`
	for list, missing := range map[string]string{
		"# both\nTestDeep/a_b  a machine may have none\nTestDeeper why not\nTestOther": "",
		"TestDeep a name stands for its subtests\nTestDeeper":                          "",
		"TestDeep a name isn't a prefix":                                               "TestDeeper",
		"TestDeeper":                                                                   "TestDeep/a_b",
		"":                                                                             "TestDeep/a_b, TestDeeper",
	} {
		inModule(t, tests, list)
		var out strings.Builder
		ran, err := Run(t.Context(), &out, nil, "-count=1", "./...")
		if missing == "" && err != nil || missing != "" && (!errors.Is(err, ErrSkipped) || !strings.HasSuffix(err.Error(), ": "+missing)) {
			t.Errorf("list %q: %v", list, err)
		}
		slices.Sort(ran)
		if !slices.Equal(ran, []string{"TestB", "TestDeep", "TestDeep/a_b", "TestDeep/c", "TestDeeper"}) {
			t.Errorf("ran: %q", ran)
		}
		first, last, _ := strings.Cut(out.String(), ": TestDeep/a_b: a_test.go:")
		if !strings.Contains(first, "skipped") || !strings.Contains(last, ": no engine\n") || strings.Contains(last, "first") {
			t.Errorf("said: %s", &out)
		}
		for _, line := range []string{"ok  \texample.com/tests\t", "ok  \texample.com/tests/b\t"} {
			if strings.Count(out.String(), "\n") != 4 || !strings.Contains(out.String(), "\n"+line) && !strings.HasPrefix(out.String(), line) {
				t.Errorf("said: %s", &out)
			}
		}
	}
}

func TestAFailedTestIsShownAndNoOther(t *testing.T) {
	for what, c := range map[string]struct{ tests, shown string }{
		"fails": {`
func TestGood(t *testing.T) { t.Log("no word of it") }
func TestBad(t *testing.T) { fmt.Println("printed"); t.Run("sub", func(t *testing.T) { t.Error("wrong") }) }
`, "printed\n|a_test.go:12: wrong\n|--- FAIL: TestBad/sub|--- FAIL: TestBad (|FAIL\texample.com/tests\t|ok  \texample.com/tests/b\t"},
		"panics": {`
func TestParallel(t *testing.T) { t.Parallel(); fmt.Println("printed"); <-t.Context().Done() }
func TestBad(t *testing.T) { t.Parallel(); panic("oh") }
`, "panic: oh|TestBad|FAIL\texample.com/tests\t|ok  \texample.com/tests/b\t"},
		"isn't Go": {"func", "expected|FAIL\texample.com/tests [|ok  \texample.com/tests/b\t"},
	} {
		inModule(t, c.tests, "")
		var out strings.Builder
		_, err := Run(t.Context(), &out, nil, "-count=1", "./...")
		if err == nil || errors.Is(err, ErrSkipped) {
			t.Errorf("%s: %v", what, err)
		}
		for part := range strings.SplitSeq(c.shown, "|") {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s: no %q in: %s", what, part, &out)
			}
		}
		if strings.Contains(out.String(), "no word of it") {
			t.Errorf("%s: %s", what, &out)
		}
	}
}

func TestTestsThatAreListedAsLongAreLeftOutOrRunAlone(t *testing.T) {
	inModule(t, `
func TestSlow(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Error("it ran") }) }
func TestSlowerStill(t *testing.T) {}
`, "")
	if err := os.WriteFile(Long, []byte("# why\nTestSlow  it waits\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	long, err := Without(Long)
	if err != nil {
		t.Fatal(err)
	}
	ran, err := Run(t.Context(), io.Discard, nil, long, "./...")
	slices.Sort(ran)
	if err != nil || !slices.Equal(ran, []string{"TestB", "TestSlowerStill"}) {
		t.Errorf("ran %q: %v", ran, err)
	}
	if long, err = Only(Long); err != nil {
		t.Fatal(err)
	}
	if ran, err = Run(t.Context(), io.Discard, nil, long, "./..."); err == nil || len(ran) != 0 {
		t.Errorf("of the long ones, which fail, ran %q: %v", ran, err)
	}
}

func TestTheListsNameTestsThatExist(t *testing.T) {
	top, tests := os.DirFS(filepath.Join("..", "..")), testsOf(t)
	for _, list := range []string{List, Long} {
		text, err := fs.ReadFile(top, list)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names(string(text)) {
			test, _, _ := strings.Cut(name, "/")
			if !strings.Contains(tests, "\nfunc "+test+"(t *testing.T)") {
				t.Errorf("%s lists %s, which isn't a test", list, test)
			}
		}
	}
}

func TestTheTrustModelNamesTestsThatExist(t *testing.T) {
	tests := testsOf(t)
	text, err := os.ReadFile(filepath.Join("..", "..", ".github", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllStringSubmatch(string(text), -1)
	if len(named) == 0 {
		t.Error("it names no test")
	}
	for _, name := range named {
		if !strings.Contains(tests, "\nfunc "+name[1]+"(t *testing.T)") {
			t.Errorf("there is no test %s", name[1])
		}
	}
}

// testsOf is the source of all tests of this module.
func testsOf(t *testing.T) string {
	t.Helper()
	top := os.DirFS(filepath.Join("..", ".."))
	var source strings.Builder
	err := fs.WalkDir(top, "pkg", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(top, path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return source.String()
}
