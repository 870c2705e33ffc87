package show

import (
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

func TestWhatBecameOfRecordsIsToldInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		tally protocol.Tally
		want  []string
	}{
		{"", protocol.Tally{}, nil},
		{"", protocol.Tally{Records: 1}, []string{"1 line"}},
		{"line", protocol.Tally{Records: 2000, Compressed: 1 << 20, Unpacked: 5 << 20}, []string{"2,000 lines", "1.0 MiB of compressed files had 5.0 MiB in them"}},
		{"jsonl:user.agent", protocol.Tally{Records: 1204331, Missing: 12}, []string{"12 of 1,204,331 records had no user.agent"}},
		{"jsonl:a\x1b", protocol.Tally{Records: 9, Null: 1, Nested: 2, Malformed: 3}, []string{
			`1 of 9 records had null as "a\x1b"`, `2 of 9 records had an object or an array as "a\x1b"`, "3 of 9 records were not valid JSON",
		}},
		{"csv:3", protocol.Tally{Records: 1}, []string{"1 record, each with column 3"}},
		{"tsv:a", protocol.Tally{Records: 3, Malformed: 1}, []string{"1 of 3 records were not valid CSV"}},
	} {
		if got := records(c.tally, c.field); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", c.field, got, c.want)
		}
	}
}
