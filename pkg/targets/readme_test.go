package targets

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount"
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
	if !strings.Contains(readme(t), wordcount.SupervisorRules) {
		t.Errorf("README.md lacks %q", wordcount.SupervisorRules)
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
