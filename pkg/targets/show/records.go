package show

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// records are lines that say what became of a job's records, and of its compressed files. There are
// none for plain text without compressed files. The field is that of the option.
func records(t protocol.Tally, field string) (lines []string) {
	if t.Records > 0 {
		lines = recordLines(t, field)
	}
	if t.Compressed > 0 {
		lines = append(lines, fmt.Sprintf("%s of compressed files had %s in them", humanize.IBytes(t.Compressed), humanize.IBytes(t.Unpacked)))
	}
	return lines
}

func recordLines(t protocol.Tally, format string) (lines []string) {
	kind, field, named := strings.Cut(format, ":")
	if !named {
		return []string{Plural(int(t.Records), "line")}
	}
	if strings.Trim(field, "0123456789") == "" {
		field = "column " + field
	}
	field = Printable(field)
	valid := "CSV"
	if kind == "jsonl" {
		valid = "JSON"
	}
	of := Plural(int(t.Records), "record")
	for _, lack := range []struct {
		n    uint64
		what string
	}{
		{t.Missing, "had no " + field}, {t.Null, "had null as " + field},
		{t.Nested, "had an object or an array as " + field}, {t.Malformed, "were not valid " + valid},
	} {
		if lack.n > 0 {
			lines = append(lines, fmt.Sprintf("%s of %s %s", humanize.Comma(int64(lack.n)), of, lack.what))
		}
	}
	if lines == nil {
		lines = []string{of + ", each with " + field}
	}
	return lines
}
