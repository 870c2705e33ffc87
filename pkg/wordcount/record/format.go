package record

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Format says what the records of a text are, and which field of each is counted. Formats are
// compared by ==. In JSON a format is its string. The zero Format is that of plain text: a record
// is a line, and its field is the line.
type Format struct {
	kind  kind
	field string // the path or the column
}

type kind uint8

const (
	plain kind = iota
	line
	jsonLines
	csvText  // fields in quotes may have line ends
	csvLines // they have none
	tsvLines
)

var kinds = [...]string{plain: "", line: "line", jsonLines: "jsonl", csvText: "csv", csvLines: "csv-lines", tsvLines: "tsv"}

// Parse reads a format: "", "line", "jsonl:PATH", "csv:COLUMN", "csv-lines:COLUMN" or "tsv:COLUMN".
func Parse(text string) (Format, error) {
	name, field, has := strings.Cut(text, ":")
	f := Format{field: field}
	for k, known := range kinds {
		if name == known {
			f.kind = kind(k)
		}
	}
	takesField := f.kind > line
	if name != kinds[f.kind] || has != takesField {
		return Format{}, fmt.Errorf(
			"field %q: want line, jsonl:PATH, csv:COLUMN, csv-lines:COLUMN or tsv:COLUMN", text)
	}
	if !takesField {
		return f, nil
	}
	err := error(nil)
	if !utf8.ValidString(field) {
		err = errors.New("a name must be valid UTF-8")
	} else if f.kind == jsonLines {
		_, err = steps(field)
	} else {
		err = checkColumn(field)
	}
	if err != nil {
		return Format{}, fmt.Errorf("field %q: %w", text, err)
	}
	return f, nil
}

// String returns what Parse takes.
func (f Format) String() string {
	if f.kind > line {
		return kinds[f.kind] + ":" + f.field
	}
	return kinds[f.kind]
}

// MarshalText returns the string of the format.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText parses the string of a format.
func (f *Format) UnmarshalText(text []byte) (err error) {
	*f, err = Parse(string(text))
	return err
}

// Cuttable says whether a file may be cut into ranges at any byte. A range owns the records that
// begin in it.
func (f Format) Cuttable() bool { return f.kind != csvText }

// Headed says whether the first line of each file names the columns.
func (f Format) Headed() bool { return f.kind > jsonLines && f.number() == 0 }

// number is the number of the column, from 1, or 0 if the column has a name.
func (f Format) number() int {
	n, err := strconv.Atoi(f.field)
	if err != nil || !digits(f.field) {
		return 0
	}
	return n
}

func checkColumn(column string) error {
	if column == "" {
		return errors.New("a column is missing after the colon: want its name, or its number")
	}
	if !digits(column) {
		return nil
	}
	if n, err := strconv.Atoi(column); err != nil || n < 1 || column[0] == '0' {
		return errors.New("want the number of a column, as 1 for the first, or a name that has not only digits")
	}
	return nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
