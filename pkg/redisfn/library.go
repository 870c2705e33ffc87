package redisfn

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Library is a library of Redis Functions. Parse makes one.
type Library struct {
	Name   string // as in the first line: #!lua name=NAME
	Source string // all of the code, including that line
}

// libraryName is what Redis accepts as a name.
var libraryName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Parse makes a library from its source, and reads its name from the first line.
func Parse(source string) (Library, error) {
	shebang, _, more := strings.Cut(source, "\n")
	if !strings.HasPrefix(shebang, "#!") || !more {
		return Library{}, errors.New(`redisfn: a library must start with the line "#!lua name=NAME"`)
	}
	fields := strings.Fields(shebang)
	if len(fields) != 2 || len(fields[1]) < len("name=") || !strings.EqualFold(fields[1][:len("name=")], "name=") {
		return Library{}, fmt.Errorf(`redisfn: first line %q of a library: write "#!lua name=NAME"`, shebang)
	}
	name := fields[1][len("name="):]
	if !libraryName.MatchString(name) {
		return Library{}, fmt.Errorf("redisfn: library name %q: use letters, digits and underscores only", name)
	}
	return Library{Name: name, Source: source}, nil
}

// MustParse panics if source is invalid. It is for embedded libraries.
func MustParse(source string) Library {
	l, err := Parse(source)
	if err != nil {
		panic(err)
	}
	return l
}

// Digest is a short fingerprint of the source, for people to compare.
func (l Library) Digest() string {
	sum := sha256.Sum256([]byte(l.Source))
	return hex.EncodeToString(sum[:6])
}

// Title is the comment on the line below the name, which is the place to say the version in words.
// It is "" if there is none.
func (l Library) Title() string {
	_, rest, _ := strings.Cut(l.Source, "\n")
	line, _, _ := strings.Cut(rest, "\n")
	title, isComment := strings.CutPrefix(strings.TrimSpace(line), "--")
	if !isComment {
		return ""
	}
	return strings.TrimSpace(title)
}

// String names the library in an error or a log line.
func (l Library) String() string {
	if title := l.Title(); title != "" {
		return fmt.Sprintf("%s (%q)", l.Digest(), title)
	}
	return l.Digest()
}
