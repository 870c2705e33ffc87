package show

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Entries are words with their counts, by descending count, then by the bytes of the words.
type Entries = iter.Seq2[wordcount.Entry, error]

// Words prints words with their counts. On a terminal each has a bar that is as long as its count,
// and elsewhere there are two columns. The end of a long word is left out.
func Words(words Entries) error {
	columns, _, err := term.GetSize(int(Out.Fd()))
	if err != nil {
		columns = 0
	}
	return writeWords(&Out, words, columns)
}

// withBars is the least number of columns in which there are bars.
const withBars = 40

// writeWords writes words for a terminal with this number of columns; 0: it isn't for a terminal.
// The bar stands before the word, so that nothing has to be known of the words that follow.
func writeWords(w io.Writer, words Entries, columns int) error {
	const countAndGaps = 16
	bar := (columns - countAndGaps) * 2 / 5
	var most uint64 // the first count
	for e, err := range words {
		if err != nil {
			return err
		}
		most = max(most, e.N)
		drawn, word := "", shortWord(e.Word)
		if columns >= withBars {
			drawn = barOf(e.N, most, bar) + "  "
			word = fit(word, columns-countAndGaps-bar)
		}
		if _, err := fmt.Fprintf(w, "%12s  %s%s\n", humanize.Comma(int64(e.N)), drawn, word); err != nil {
			return err
		}
	}
	return nil
}

// barOf returns a bar for n of most, padded to its whole width in columns. It is exact to an eighth
// of a column, and no bar is so short that nothing is seen of it.
func barOf(n, most uint64, columns int) string {
	eighths := max(1, int(float64(n)/float64(max(most, 1))*float64(8*columns)+0.5))
	full, rest := eighths/8, eighths%8
	bar := strings.Repeat("█", full)
	if rest > 0 {
		bar += string([]rune(" ▏▎▍▌▋▊▉")[rest])
		full++
	}
	return bar + strings.Repeat(" ", columns-full)
}

// fit leaves out the end of a line that takes more than these columns of a terminal. Some characters
// take two columns.
func fit(line string, columns int) string {
	if uniseg.StringWidth(line) <= columns {
		return line
	}
	taken, left, state := "", line, -1
	for width := 1; ; { // of the ellipsis
		cluster, rest, w, next := uniseg.FirstGraphemeClusterInString(left, state)
		if width += w; width > columns {
			return taken + "…"
		}
		taken, left, state = taken+cluster, rest, next
	}
}
