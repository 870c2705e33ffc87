package show

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text from files, from Redis and from its workers may hold any bytes. The functions here escape
// what a terminal would act upon, and make sure that one line stays one line.

// Printable returns a word unchanged if a terminal can show it, and quoted otherwise.
func Printable(word string) string {
	if q := strconv.Quote(word); q != `"`+word+`"` {
		return q
	}
	return word
}

// wordMost is how many characters of a word are shown. A word may have up to 1 MiB.
const wordMost = 80

// shortWord returns a word as Printable does, without the end of a long one.
func shortWord(word string) string {
	text := Printable(word)
	if short := cut(text, wordMost); short != text {
		return short + "…"
	}
	return text
}

// plain returns a line in which everything that a terminal can't show is escaped, as in a Go
// string. The rest is unchanged.
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

// PlainError returns an error whose text is safe to show to people.
func PlainError(err error) error { return plainError{err} }

type plainError struct{ error }

func (e plainError) Error() string { return plain(e.error.Error()) }
func (e plainError) Unwrap() error { return e.error }

// cut returns the first characters of a line.
func cut(line string, characters int) string {
	if runes := []rune(line); len(runes) > characters {
		return string(runes[:max(characters, 0)])
	}
	return line
}
