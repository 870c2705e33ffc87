package result_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// awkward are words that a careless format would lose, or make others of.
var awkward = []string{
	"the", `"quoted"`, `"`, `""`, "'", "a,b", ",", `\`, `\n`, `\.`, "=1+1", "#", "a b", " a", "a ", "count", "base64",
	"caf\xe9", "\xff", "\xff\xfe", "\ufffd", "\ufffd\xff", "\x00", "\x1b[31m", "\u2028", "\ufeff", "<&>", "日本語",
	"a\tb", "a\nb", "\n", "a\r\nb", "a\r", "\r", "\xff\r\n\"\t,",
}

func entries(words ...string) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		for i, word := range words {
			if !yield(count.Entry{Word: word, N: protocol.MaxCount - 1 - uint64(i)}, nil) {
				return
			}
		}
	}
}

// readers read a format as its standard parser does, and not as this package writes it.
var readers = map[result.Format]func(t *testing.T, text string) []count.Entry{
	result.TSV: func(t *testing.T, text string) (all []count.Entry) {
		for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
			n, word, _ := strings.Cut(lines.Text(), "\t")
			all = append(all, count.Entry{Word: word, N: number(t, n)})
		}
		return all
	},
	result.CSV: func(t *testing.T, text string) (all []count.Entry) {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		check.Must(t, err)
		if !slices.Equal(rows[0], []string{"count", "word", "base64"}) {
			t.Fatalf("the header is %q", rows[0])
		}
		for _, row := range rows[1:] {
			word := row[1]
			if row[2] != "" {
				bytes, err := base64.StdEncoding.DecodeString(row[2])
				check.Must(t, err)
				word = string(bytes)
			}
			all = append(all, count.Entry{Word: word, N: number(t, row[0])})
		}
		return all
	},
	result.JSONL: func(t *testing.T, text string) (all []count.Entry) {
		for line := range strings.Lines(text) {
			var object struct {
				Count  uint64
				Word   string
				Base64 []byte
			}
			strict := json.NewDecoder(strings.NewReader(line))
			strict.DisallowUnknownFields()
			check.Must(t, strict.Decode(&object))
			if object.Base64 != nil {
				object.Word = string(object.Base64)
			}
			all = append(all, count.Entry{Word: object.Word, N: object.Count})
		}
		return all
	},
}

func number(t *testing.T, text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	check.Must(t, err)
	return n
}

// readBack writes words in a format, reads them with its parser, and compares.
func readBack(t *testing.T, format result.Format, words ...string) {
	t.Helper()
	var text bytes.Buffer
	check.Must(t, result.Export(&text, entries(words...), format))
	if format != result.TSV && !bytes.Equal(bytes.ToValidUTF8(text.Bytes(), nil), text.Bytes()) {
		t.Errorf("%s isn't UTF-8: %q", format, &text)
	}
	read := readers[format](t, text.String())
	i := 0
	for want := range entries(words...) {
		if i >= len(read) || read[i] != want {
			t.Errorf("%s: of %q comes %q", format, words, &text)
			return
		}
		i++
	}
	if len(read) != len(words) {
		t.Errorf("%s: of %d words come %d: %q", format, len(words), len(read), &text)
	}
}

func TestEveryFormatIsReadBackByItsStandardParser(t *testing.T) {
	readBack(t, result.CSV, awkward...)
	readBack(t, result.JSONL, awkward...)
	lines := slices.DeleteFunc(slices.Clone(awkward), func(word string) bool { return strings.ContainsAny(word, "\t\n\r") })
	readBack(t, result.TSV, lines...)
	for format := range readers {
		readBack(t, format)
	}
}

func FuzzAnyWordsAreReadBack(f *testing.F) {
	for i := range awkward {
		f.Add(awkward[i], awkward[len(awkward)-1-i])
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		if one == "" || other == "" {
			t.Skip("no word is empty")
		}
		readBack(t, result.CSV, one, other)
		readBack(t, result.JSONL, one, other)
		if !strings.ContainsAny(one+other, "\t\n\r") {
			readBack(t, result.TSV, one, other)
		}
	})
}

func TestEachFormatLooksAsTheREADMESays(t *testing.T) {
	for format, want := range map[result.Format]string{
		result.TSV: "9007199254740991\tit\"s\n9007199254740990\tcaf\xe9\n",
		result.CSV: "count,word,base64\n9007199254740991,\"it\"\"s\",\n9007199254740990,caf\ufffd,Y2Fm6Q==\n",
		result.JSONL: `{"count":9007199254740991,"word":"it\"s"}` + "\n" +
			`{"count":9007199254740990,"word":"caf\ufffd","base64":"Y2Fm6Q=="}` + "\n",
	} {
		var text bytes.Buffer
		check.Must(t, result.Export(&text, entries(`it"s`, "caf\xe9"), format))
		if text.String() != want {
			t.Errorf("%s: %q, want %q", format, &text, want)
		}
	}
}

func TestAWordThatIsNoLineEndsAnExportInLines(t *testing.T) {
	for _, word := range []string{"a\tb", "a\nb", "a\r", strings.Repeat("long\n", 1<<20)} {
		err := result.Export(io.Discard, entries("a", word), result.TSV)
		check.IsError(t, err, protocol.ErrInput, "choose csv or jsonl")
		if text := err.Error(); len(text) > 300 || strings.ContainsAny(text, "\t\n\r") {
			t.Errorf("it says %.300q", text)
		}
	}
}

// broken takes nothing.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

func TestAnExportThatCannotBeWrittenSaysSoInEachFormat(t *testing.T) {
	full := errors.New("full")
	for format := range readers {
		for _, words := range [][]string{{"a"}, slices.Repeat([]string{"word"}, 1<<16)} {
			err := result.Export(broken{full}, entries(words...), format)
			check.IsError(t, err, full, "write result: ")
		}
	}
}

func TestAFormatThatIsNoneIsRefused(t *testing.T) {
	for _, name := range []string{"", "TSV", "json", "xml\n"} {
		_, err := result.ParseFormat(name)
		check.IsError(t, err, protocol.ErrInput, "write tsv, csv or jsonl")
	}
	for format := range readers {
		if got, err := result.ParseFormat(string(format)); got != format || err != nil {
			t.Errorf("%s: %s, %v", format, got, err)
		}
	}
}
