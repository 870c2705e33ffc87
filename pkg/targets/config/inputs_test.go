package config

import (
	"os"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestInputsAreLinesAndListsAndWhatExistsIsTakenAsItIs(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"two\nlines": "", "@at": "", "list": "b c\n\n@at2\n a,*", "at": "not read"} {
		check.Must(t, os.WriteFile(name, []byte(text), 0o600))
	}
	for text, want := range map[string][]string{
		"a":                {"a"},
		"a b, c\n\n*.gz\n": {"a b, c", "*.gz"},
		"two\nlines":       {"two\nlines"},
		"two\nmore":        {"two", "more"},
		"@at":              {"@at"},
		"x\n@list":         {"x", "b c", "@at2", " a,*"},
		"x\n@at":           {"x", "@at"},
	} {
		if got, err := ParseInputs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "\n\n", "@none", "@", "@."} {
		if got, err := ParseInputs(text); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
}
