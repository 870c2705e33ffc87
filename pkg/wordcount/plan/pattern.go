package plan

import (
	"errors"
	"iter"
	"os"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// pattern is which files below a folder are an input, and which folders with everything in them. Its
// syntax is that of ParseGlobs, but for slashes at its ends.
type pattern struct {
	text  string
	parts []string // between slashes; nil: a part may match several names, so that the parts mean nothing
}

var errPattern = errors.New("the pattern is malformed")

func parsePattern(text string) (p pattern, err error) {
	text = strings.TrimSuffix(text, "/")
	if text == "" || !doublestar.ValidatePattern(text) {
		return p, errPattern
	}
	p = pattern{text: text, parts: strings.Split(text, "/")}
	for _, part := range p.parts {
		// Alternatives may have slashes in them, and a negated class matches one.
		if !doublestar.ValidatePattern(part) || strings.Contains(part, "[") || strings.Contains(part, "**") && part != "**" {
			p.parts = nil
			break
		}
	}
	return p, nil
}

// matches reports whether the pattern matches a path below its folder.
func (p pattern) matches(path string) bool { return doublestar.MatchUnvalidated(p.text, path) }

// holds reports whether the pattern matches a path below its folder, or a folder in that path.
func (p pattern) holds(path string) bool {
	for at := range ancestors(path) {
		if p.matches(path[:at]) {
			return true
		}
	}
	return false
}

// ancestors yields where the folders in a path end, and where the path ends.
func ancestors(path string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range len(path) {
			if path[i] == '/' && i > 0 && !yield(i) {
				return
			}
		}
		yield(len(path))
	}
}

// mayHold reports whether a folder that doesn't match may have something in it that does.
func (p pattern) mayHold(folder string) bool {
	for i, name := range strings.Split(folder, "/") {
		switch {
		case p.parts == nil:
			return true
		case i >= len(p.parts)-1:
			return false
		case p.parts[i] == "**":
			return true
		case !doublestar.MatchUnvalidated(p.parts[i], name):
			return false
		}
	}
	return true
}

const meta = `*?[{\`

// hasMeta reports whether a path may be meant as a pattern.
func hasMeta(path string) bool { return strings.ContainsAny(path, meta) }

// splitPattern returns the folder in which a pattern begins, and the rest of the pattern.
func splitPattern(name string) (folder, rest string) { return doublestar.SplitPattern(name) }

// Base returns what must be there for an input of this file system: the file or folder of that name,
// or the folder in which a pattern begins.
func Base(name string) string {
	if _, err := os.Lstat(name); err == nil || !hasMeta(name) {
		return name
	}
	folder, _ := splitPattern(name)
	return folder
}

// escapeMeta returns the pattern that matches a path alone.
func escapeMeta(path string) string {
	if !hasMeta(path) {
		return path
	}
	var b strings.Builder
	for _, c := range []byte(path) {
		if strings.IndexByte(meta+"]}", c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
