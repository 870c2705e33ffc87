package targets

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// What comes from files, from Redis and from its workers may hold anything. A terminal is shown none of it that it would
// act upon, and every line stays one.

// printable is a word as it is if a terminal can show it, and quoted if not.
func printable(word string) string {
	if q := strconv.Quote(word); q != `"`+word+`"` {
		return q
	}
	return word
}

// plain is a line in which whatever a terminal can't show is escaped, as in a Go string. It stays as it is otherwise.
func plain(line string) string {
	var b strings.Builder
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRuneInString(line[i:])
		if text := line[i : i+size]; strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(text)
		} else {
			b.WriteString(strings.Trim(strconv.Quote(text), `"`))
		}
		i += size
	}
	return b.String()
}

// plainError is an error that people may be shown.
type plainError struct{ error }

func (e plainError) Error() string { return plain(e.error.Error()) }
func (e plainError) Unwrap() error { return e.error }
