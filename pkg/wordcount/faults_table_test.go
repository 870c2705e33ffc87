package wordcount

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

var (
	rowOfFaults = regexp.MustCompile("(?m)^\\| [^|]+ \\| ((?:`Test\\w+` ?)+) \\| `([\\w/]+)` \\|$")
	aTest       = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	aNumber     = regexp.MustCompile(`^TestFault\d\d`)
)

// Every test that FAULTS.md names is in the package that it names, and every number of a fault is
// in the table, for each package that has tests of it.
func TestTheTableOfFaultsIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("FAULTS.md")
	check.Must(t, err)
	const heads = 3 // of tables
	rows := rowOfFaults.FindAllStringSubmatch(string(text), -1)
	if lines := strings.Count(string(text), "\n| "); lines != len(rows)+heads {
		t.Errorf("%d of %d lines are rows", len(rows), lines-heads)
	}
	tests := testsByPackage(t)
	listed := map[string]bool{}
	for _, row := range rows {
		for _, name := range strings.Fields(row[1]) {
			name = strings.Trim(name, "`")
			listed[row[2]+" "+aNumber.FindString(name)] = true
			if !strings.Contains(tests[row[2]], "\n"+name) {
				t.Errorf("package %s has no %s", row[2], name)
			}
		}
	}
	for in, names := range tests {
		for name := range strings.Lines(names) {
			if number := aNumber.FindString(name); number != "" && !listed[in+" "+number] {
				t.Errorf("the table lacks %s of package %s", number, in)
			}
		}
	}
}

// testsByPackage are the names of all tests below pkg, a line each behind a first empty one, by
// folder.
func testsByPackage(t *testing.T) map[string]string {
	t.Helper()
	tests := map[string]string{}
	check.Must(t, filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		in, _ := filepath.Rel("..", filepath.Dir(path))
		for _, m := range aTest.FindAllStringSubmatch(string(text), -1) {
			tests[in] += "\n" + m[1]
		}
		return err
	}))
	return tests
}
