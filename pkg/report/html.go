package report

import (
	"fmt"
	"html"
	"strings"
)

// document is HTML that is being written. What is put into it is escaped, so hostile texts stay texts.
// Package html/template would do so, too, but it looks up methods by their names. So the linker would
// keep every method of every type that is used somewhere, and the program would be half as large again.
type document struct{ strings.Builder }

// markup is text that is HTML already, or the text of a style or a script of this package.
type markup string

// add writes HTML with values in it, for each of which the format has %v: between tags, or in the
// double quotes of an attribute that is no script and no address. All but markup is escaped.
func (d *document) add(format string, values ...any) {
	for i, value := range values {
		if m, ok := value.(markup); ok {
			values[i] = string(m)
		} else {
			values[i] = html.EscapeString(fmt.Sprint(value))
		}
	}
	fmt.Fprintf(d, format, values...)
}
