package show

import (
	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// Plural returns a number of things: 1 task, 2 tasks.
func Plural(n int, what string) string {
	return humanize.Comma(int64(n)) + " " + english.PluralWord(n, what, "")
}
