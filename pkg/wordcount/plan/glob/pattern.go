package glob

import (
	"errors"
	"iter"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// A Pattern is which files below a folder are an input, and which folders with everything in them. Its
// syntax is that of ParseList, but for slashes at its ends. The zero value is no pattern.
type Pattern struct {
	text  string
	parts []string // between slashes; nil: a part may match several names, so that the parts mean nothing
}

// ErrMalformed is the error of a text that is no pattern.
var ErrMalformed = errors.New("the pattern is malformed")

// Parse parses a pattern. The error is ErrMalformed.
func Parse(text string) (p Pattern, err error) {
	text = strings.TrimSuffix(text, "/")
	if text == "" || !doublestar.ValidatePattern(text) {
		return p, ErrMalformed
	}
	p = Pattern{text: text, parts: strings.Split(text, "/")}
	for _, part := range p.parts {
		// Alternatives may have slashes in them, and a negated class matches one.
		if !doublestar.ValidatePattern(part) || strings.Contains(part, "[") || strings.Contains(part, "**") && part != "**" {
			p.parts = nil
			break
		}
	}
	return p, nil
}

// IsZero reports whether p is no pattern.
func (p Pattern) IsZero() bool { return p.text == "" }

// Matches reports whether the pattern matches a path below its folder.
func (p Pattern) Matches(path string) bool { return doublestar.MatchUnvalidated(p.text, path) }

// Holds reports whether the pattern matches a path below its folder, or a folder in that path.
func (p Pattern) Holds(path string) bool {
	for at := range Ancestors(path) {
		if p.Matches(path[:at]) {
			return true
		}
	}
	return false
}

// Ancestors yields where the folders in a path end, and where the path ends.
func Ancestors(path string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range len(path) {
			if path[i] == '/' && i > 0 && !yield(i) {
				return
			}
		}
		yield(len(path))
	}
}

// MayHold reports whether a folder that doesn't match may have something in it that does.
func (p Pattern) MayHold(folder string) bool {
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

// HasMeta reports whether a path may be meant as a pattern.
func HasMeta(path string) bool { return strings.ContainsAny(path, meta) }

// Split returns the folder in which a pattern begins, and the rest of the pattern.
func Split(name string) (folder, rest string) { return doublestar.SplitPattern(name) }

// Literal returns what every path that a pattern matches begins with.
func Literal(text string) string {
	if end := strings.IndexAny(text, meta); end >= 0 {
		text = text[:end]
	}
	return text
}

// Escape returns the pattern that matches a path alone.
func Escape(path string) string {
	if !HasMeta(path) {
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
