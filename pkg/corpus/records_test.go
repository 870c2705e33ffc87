package corpus

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/record"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestLinesAreWrittenAsRecords(t *testing.T) {
	t.Parallel()
	lines := []string{"one", "", `a "quoted", word`, "tab\tand\xa0space", "five", "six", "has no value", "eight"}
	dir := filepath.Join(t.TempDir(), "texts")
	check.Must(t, os.Mkdir(dir, 0o755))
	check.Must(t, os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Join(lines, "\n")), 0o644))
	for _, field := range []string{"", "line", "jsonl:a", "jsonl:a.b.c", "csv:1", "csv:3", "csv:name", "csv-lines:name", "tsv:2"} {
		for range 2 { // the second time they are there
			in, err := AsRecords(dir, field)
			check.Must(t, err)
			text, err := os.ReadFile(filepath.Join(in, "text"))
			check.Must(t, err)
			format, err := record.Parse(field)
			check.Must(t, err)
			var got []string
			tally, err := record.NewReader(format, false, record.MaxRecord).Each(
				strings.NewReader(string(text)), record.Range{End: math.MaxInt64}, nil, func(v []byte) error {
					got = append(got, string(v))
					return nil
				})
			check.Must(t, err)
			want := slices.Clone(lines)
			if lost := tally.Missing + tally.Null; lost == 1 {
				want = slices.Delete(want, 6, 7)
			}
			if strings.HasPrefix(field, "jsonl") {
				want[3] = strings.ToValidUTF8(want[3], "\uFFFD")
			}
			if strings.HasPrefix(field, "tsv") {
				want[3] = strings.ReplaceAll(want[3], "\t", " ")
			}
			if !slices.Equal(got, want) || tally.Malformed > 0 {
				t.Errorf("%s: %q, %+v", field, got, tally)
			}
		}
	}
}
