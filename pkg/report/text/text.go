// Package text shortens times and texts from outside, and counts things, for people.
package text

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// Bounds of texts from outside.
const (
	WhyMost  = 160 // characters of a reason
	NameMost = 120 // characters of a name
)

// Short is a time to a tenth of a microsecond, a millisecond or a second, whichever fits its length.
// From 1000 seconds on it is a time to a second.
func Short(d time.Duration) string {
	for _, unit := range []time.Duration{time.Microsecond, time.Millisecond, time.Second} {
		if d < 1000*unit {
			return d.Round(unit / 10).String()
		}
	}
	return d.Round(time.Second).String()
}

// Plural is a number of things, like 1,234 tasks.
func Plural(n int, what string) string {
	return humanize.Comma(int64(n)) + " " + english.PluralWord(n, what, "")
}

// Cut returns the first characters of a text from outside. What can't be seen, or would turn the text
// around, is written as in a Go string.
func Cut(text string, characters int) string {
	var b strings.Builder
	n := 0
	for i, size := 0, 0; i < len(text); i += size {
		if n++; n > characters {
			return b.String() + "…"
		}
		var r rune
		if r, size = utf8.DecodeRuneInString(text[i:]); strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.Quote(text[i:i+size]), `"`))
		}
	}
	return b.String()
}
