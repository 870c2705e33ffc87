package glob

import (
	"slices"
	"testing"
)

func TestPatternsArePartedByCommasAndLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                      nil,
		" , \n,":                nil,
		"*.gz":                  {"*.gz"},
		"*.gz, .git\n/a b/,\n":  {"*.gz", ".git", "/a b/"},
		`*.{gz,z{1,2}},x\,y,\\`: {"*.{gz,z{1,2}}", `x\,y`, `\\`},
		"\\{,a":                 {"\\{", "a"},
	} {
		if got, err := ParseList(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

// A folder that is not looked into has nothing in it that matches.
func FuzzAPatternIsLookedForWhereItMatches(f *testing.F) {
	for pattern, path := range map[string]string{
		"{**,x}/y": "a/b/y", "a[^a]*": "a/b", "?***/*": "ab/c/d", "*/b": "a/b", "**/*.gz": "a/b/c.gz", `a/b\/*.{gz,x}`: "a/b/c.x", "{a/b,c}/*": "a/b/c",
	} {
		f.Add(pattern, path)
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		p, err := Parse(text)
		if err != nil || !p.Matches(path) {
			return
		}
		for end := range Ancestors(path) {
			if end < len(path) && !p.MayHold(path[:end]) {
				t.Errorf("%q matches %q, and is not looked for in %q", text, path, path[:end])
			}
		}
	})
}
