package result

import (
	"bufio"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Format says how Export writes words. A word may hold any bytes, and a standard parser must read
// back exactly these bytes.
type Format string

const (
	// TSV is a line "count<TAB>word" for each word. The bytes of the word are as they are. A word
	// with a tab, a line feed or a carriage return would be no such line, so it ends the export
	// with an error.
	TSV Format = "tsv"
	// CSV is a header, and then a row count,word,base64 for each word, as RFC 4180 has it. The
	// field base64 is empty, and word has the bytes of the word, unless they are no valid UTF-8 or
	// have a carriage return, which parsers change. Then base64 has the bytes, and in word U+FFFD
	// stands for each byte that isn't valid.
	CSV Format = "csv"
	// JSONL is an object {"count":N,"word":"…"} on each line. If the bytes of the word are no valid
	// UTF-8, the object has them as "base64", too, and in "word" U+FFFD stands for each of them.
	JSONL Format = "jsonl"
)

// ParseFormat reads the name of a format. The error wraps protocol.ErrInput.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case TSV, CSV, JSONL:
		return f, nil
	}
	return "", fmt.Errorf("%w: there is no format %s: write tsv, csv or jsonl", protocol.ErrInput, strconv.Quote(name))
}

// entryWriter writes one word. flush writes what it has kept back.
type entryWriter interface {
	write(count.Entry) error
	flush() error
}

// writer returns what writes words in a format.
func (f Format) writer(w io.Writer) entryWriter {
	switch f {
	case CSV:
		rows := csv.NewWriter(w)
		rows.Write([]string{"count", "word", "base64"}) // the error comes back from flush
		return &csvWriter{rows: rows}
	case JSONL:
		objects := json.NewEncoder(w)
		objects.SetEscapeHTML(false)
		return jsonWriter{objects}
	}
	return tsvWriter{bufio.NewWriter(w)}
}

type tsvWriter struct{ lines *bufio.Writer }

func (t tsvWriter) write(e count.Entry) error {
	if strings.ContainsAny(e.Word, "\t\n\r") {
		return fmt.Errorf("%w: the word %.60q has a tab or a line end, which no line of tsv can hold: choose csv or jsonl",
			protocol.ErrInput, e.Word)
	}
	t.lines.WriteString(strconv.FormatUint(e.N, 10))
	t.lines.WriteByte('\t')
	t.lines.WriteString(e.Word)
	return t.lines.WriteByte('\n')
}

func (t tsvWriter) flush() error { return t.lines.Flush() }

type csvWriter struct {
	rows *csv.Writer
	row  [3]string
}

func (c *csvWriter) write(e count.Entry) error {
	c.row = [3]string{strconv.FormatUint(e.N, 10), e.Word, ""}
	if !utf8.ValidString(e.Word) || strings.Contains(e.Word, "\r") {
		c.row[1], c.row[2] = string([]rune(e.Word)), base64.StdEncoding.EncodeToString([]byte(e.Word))
	}
	return c.rows.Write(c.row[:])
}

func (c *csvWriter) flush() error {
	c.rows.Flush()
	return c.rows.Error()
}

type jsonWriter struct{ objects *json.Encoder }

func (j jsonWriter) write(e count.Entry) error {
	object := struct {
		Count  uint64 `json:"count"`
		Word   string `json:"word"` // package json puts U+FFFD in the place of what isn't valid
		Base64 []byte `json:"base64,omitempty"`
	}{Count: e.N, Word: e.Word}
	if !utf8.ValidString(e.Word) {
		object.Base64 = []byte(e.Word)
	}
	return j.objects.Encode(object)
}

func (jsonWriter) flush() error { return nil }
