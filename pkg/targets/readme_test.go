package targets

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// root is the checkout, seen from this package.
const root = "../.."

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestREADMEHasTheRightsThatSuffice(t *testing.T) {
	if !strings.Contains(readme(t), protocol.SupervisorRules) {
		t.Errorf("README.md lacks %q", protocol.SupervisorRules)
	}
}

func TestREADMENamesEveryTarget(t *testing.T) {
	list, err := os.ReadFile("testdata/targets.golden")
	if err != nil {
		t.Fatal(err)
	}
	text := readme(t)
	for _, target := range regexp.MustCompile(`(?m)^  ([\w:]+)`).FindAllStringSubmatch(string(list), -1) {
		if !strings.Contains(text, "`"+target[1]+"`") {
			t.Errorf("README.md lacks the target `%s`", target[1])
		}
	}
}

func TestREADMELinksToWhatIsThere(t *testing.T) {
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(filepath.Join(root, link[1])); err != nil {
			t.Error(err)
		}
	}
}

func TestTheTestsThatTheDocumentationNamesAreThere(t *testing.T) {
	there := strings.Join(testsOf(t), "\n")
	need := func(pattern string) {
		if !regexp.MustCompile("(?m)^" + pattern + "$").MatchString(there) {
			t.Errorf("there is no test %s", pattern)
		}
	}
	for _, document := range []string{"README.md", "pkg/wordcount/doc.go"} {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		// A number stands for all tests of a fault: TestFault01 to 03, 07.
		for _, name := range regexp.MustCompile(`Test[A-Z]\w*(?:(?:, | to )\d\d\b)*`).FindAllString(string(text), -1) {
			numbers, ok := strings.CutPrefix(name, "TestFault")
			if !ok || len(numbers) > 2 && numbers[2] != ',' && numbers[2] != ' ' {
				need(name)
				continue
			}
			if numbers == "NN" {
				continue
			}
			for _, list := range strings.Split(numbers, ", ") {
				first, last, _ := strings.Cut(list+" to "+list, " to ")
				from, _ := strconv.Atoi(first)
				to, _ := strconv.Atoi(strings.Fields(last)[0])
				for n := from; n <= to; n++ {
					need(`Test\w*(Fault|And)` + fmt.Sprintf("%02d", n) + `[A-Z]\w*`)
				}
			}
		}
	}
}

func TestEveryFaultHasATestOfItsNumber(t *testing.T) {
	// Rows of the table that the tests are numbered after.
	faults := []int{66, 67, 71, 78, 80}
	for n := range 63 {
		faults = append(faults, n+1)
	}
	there := map[string]bool{}
	for _, name := range testsOf(t) {
		if number, ok := strings.CutPrefix(name, "TestFault"); ok && len(number) > 2 {
			there[number[:2]] = true
		}
	}
	for _, n := range faults {
		if number := fmt.Sprintf("%02d", n); !there[number] {
			t.Errorf("there is no TestFault%s", number)
		}
	}
}

// testsOf are the names of all tests in the packages.
func testsOf(t *testing.T) (names []string) {
	t.Helper()
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(filepath.Join(root, "pkg"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range test.FindAllStringSubmatch(string(text), -1) {
			names = append(names, name[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
