package glob

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// An Exclusion is one pattern of files to leave out.
type Exclusion struct {
	Why     string // for people
	pattern string
	path    bool // it matches the path below the input, else the last name of the path
	folder  bool // it matches folders only
}

// ParseList reads the patterns of exclusions, one on each line or with commas between them. In {a,b} and after a
// backslash, a comma belongs to its pattern. Patterns mean what they mean in .gitignore, except
// that they can't bring files back:
//
//	*.gz       without a slash: files and folders of this name, wherever they are
//	a/*.log    with a slash: this path below the input, where * doesn't match a slash
//	/a         a slash in front: only at the top of the input
//	a/**/b     ** is any number of folders, also none
//	a/         a slash at the end: folders only
//	[a-z] ? {a,b} \*    a class, one character, alternatives, the character itself
//
// A folder that matches is left out with everything in it. The input itself is never left out.
func ParseList(text string) ([]string, error) {
	var patterns []string
	depth, escaped, begin := 0, false, 0
	add := func(end int) {
		if p := strings.TrimSpace(text[begin:end]); p != "" {
			patterns = append(patterns, p)
		}
	}
	for i, c := range []byte(text) {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == '\n', c == ',' && depth <= 0:
			add(i)
			depth, begin = 0, i+1
		}
	}
	add(len(text))
	_, err := Compile(patterns)
	return patterns, err
}

// Compile parses the patterns of exclusions.
func Compile(patterns []string) ([]Exclusion, error) {
	exclusions := make([]Exclusion, len(patterns))
	for i, p := range patterns {
		text, folder := strings.CutSuffix(p, "/")
		name, rooted := strings.CutPrefix(text, "/")
		switch {
		case strings.HasPrefix(p, "!"):
			return nil, fmt.Errorf(`the pattern %s: patterns can't bring files back; write \! for a name that begins with an exclamation mark`, strconv.Quote(p))
		case name == "" || !doublestar.ValidatePattern(name):
			return nil, fmt.Errorf("the pattern %s is malformed", strconv.Quote(p))
		}
		exclusions[i] = Exclusion{"excluded by " + strconv.Quote(p), name, rooted || strings.Contains(name, "/"), folder}
	}
	return exclusions, nil
}

// Matches reports whether the pattern leaves out a path below the input.
func (e Exclusion) Matches(path string, folder bool) bool {
	if e.folder && !folder {
		return false
	}
	if !e.path {
		path = path[strings.LastIndexByte(path, '/')+1:]
	}
	return doublestar.MatchUnvalidated(e.pattern, path)
}
