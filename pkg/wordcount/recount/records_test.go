package recount

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/magereduce/magereduce/pkg/wordcount/record"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// valuesByRecord reads a text with package record, cut into ranges of split bytes, if it can be
// cut. Each read returns at most some bytes, which are as many as asked for if read is 0.
func valuesByRecord(f record.Format, text string, split, read int) (values []string, sum record.Tally, err error) {
	r := record.NewReader(f, false, record.MaxRecord)
	end := int64(len(text))
	if split == 0 || !f.Cuttable() {
		split, end = max(1, len(text)), math.MaxInt64
	}
	first, _, _ := strings.Cut(text, "\n")
	for off := int64(0); off < int64(len(text)); off += int64(split) {
		var in io.Reader = strings.NewReader(text[max(off-1, 0):])
		if read > 0 {
			in = shortReads{iotest.DataErrReader(in), read}
		}
		part := record.Range{Off: off, End: min(off+int64(split), end)}
		if end == math.MaxInt64 {
			part.End = end
		}
		tally, err := r.Each(in, part, []byte(first), func(v []byte) error {
			values = append(values, string(v))
			return nil
		})
		if err != nil {
			return nil, sum, err
		}
		sum.Add(tally)
	}
	return values, sum, nil
}

// shortReads returns at most some bytes for each read, and the end of the text with the last of
// them.
type shortReads struct {
	r    io.Reader
	most int
}

func (s shortReads) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.most)]) }

// agree says how package record and the oracle differ.
func agree(field, text string, split, read int) error {
	f, err := record.Parse(field)
	if err != nil {
		return err
	}
	var want []string
	fates, err := records(field, strings.NewReader(text), func(v []byte) { want = append(want, string(v)) })
	if err != nil {
		return err
	}
	got, tally, err := valuesByRecord(f, text, split, read)
	if err != nil {
		return err
	}
	if tally != (record.Tally{Records: fates.records, Missing: fates.missing, Null: fates.null, Nested: fates.nested, Malformed: fates.malformed}) {
		return fmt.Errorf("%s of %q in ranges of %d bytes: %+v, want %+v", field, text, split, tally, fates)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s of %q in ranges of %d bytes: %q, want %q", field, text, split, got, want)
	}
	return nil
}

// FuzzRecords compares package record with the oracle, for texts cut anywhere.
func FuzzRecords(f *testing.F) {
	f.Fuzz(func(t *testing.T, field string, text []byte, split uint16, read uint8) {
		if _, err := record.Parse(field); err != nil {
			t.Skip()
		}
		if len(text) > 1000 {
			split = max(split, 50) // a range must not cost more than its bytes
		}
		check.Must(t, agree(field, string(text), int(split), int(read)))
	})
}

// pieces are what the texts of the next test are made of.
var pieces = map[string][]string{
	"jsonl": {"{", "}", "[", "]", ":", ",", `"a"`, `"a":`, `{"a":{"b":`, `}}`, "\n", "\n", "\r\n", " ", "\t", `"x\ty\u00e9\ud83d\ude00\ud83d"`,
		"null", "true", "false", "12", "-0.5e+7", "01", `"`, `\`, "\xff", `"\x"`, "\ufeff", `{"a":1,"a":{"b":2}}`, `{"a":{"b":"v"}}`, `{"a":[7,8]}` + "\n"},
	"csv":  {"a", "b", "a,b,c\n", ",", ",", "\n", "\n", "\r\n", "\r", `"`, `"`, `""`, `"a"`, `"x,""y"`, " ", "\ufeff", "\"line\nend\""},
	"tsv":  {"a", "b", "a\tb\n", "\t", "\t", "\n", "\n", "\r\n", "\r", `"`, "\ufeff"},
	"line": {"a", "b c", "\n", "\n", "\r\n", "\r", "\ufeff", "\x00"},
}

func TestRecordsAgreeWithTheOracleForTextsCutAnywhere(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(20, 3))
	fields := map[string][]string{
		"jsonl": {"jsonl:a", "jsonl:a.b", "jsonl:a.1", `jsonl:a\.b`}, "line": {"", "line"}, "tsv": {"tsv:a", "tsv:2"},
		"csv": {"csv:a", "csv:b", "csv:2", "csv-lines:a", "csv-lines:b", "csv-lines:1"},
	}
	for kind, some := range fields {
		for _, field := range some {
			for range 150 {
				var text bytes.Buffer
				for range dice.IntN(30) {
					text.WriteString(pieces[kind][dice.IntN(len(pieces[kind]))])
				}
				check.Must(t, agree(field, text.String(), dice.IntN(12), dice.IntN(9)))
			}
		}
	}
}
