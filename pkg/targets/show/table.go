package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table is rows of cells, the first of which are the headings. Columns are as wide as they must be.
type table struct {
	left int // how many columns are aligned to the left; those after them are aligned to the right
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table. The cells may hold anything: they are escaped. A cell beyond the headings is
// a remark: it is escaped, too, but neither cut nor aligned.
func (t *table) write(w io.Writer) {
	const cellMost = 40 // columns
	headings := t.rows[0]
	widths := make([]int, len(headings))
	for _, row := range t.rows {
		for i, cell := range row[:len(headings)] {
			row[i] = fit(plain(cell), cellMost)
			widths[i] = max(widths[i], uniseg.StringWidth(row[i]))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row[:len(headings)] {
			padding := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
			if i >= t.left {
				cell, padding = padding+cell, ""
			}
			line.WriteString(cell + padding + "  ")
		}
		for _, remark := range row[len(headings):] {
			line.WriteString(plain(remark))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
