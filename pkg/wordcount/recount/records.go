package recount

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fates says how many records a file has, and how many of them have no value, for which reason.
type fates struct{ records, missing, null, nested, malformed uint64 }

// records gives the values of one field of the records of a whole file, and says what became of all
// records. The field is that of package record, which says the rules; none of its code is used
// here. The function value must not keep its argument.
func records(field string, text io.Reader, value func([]byte)) (fates, error) {
	var f fates
	in := bufio.NewReader(text)
	if mark, _ := in.Peek(3); field != "" && string(mark) == "\xEF\xBB\xBF" {
		in.Discard(3)
	}
	kind, name, _ := strings.Cut(field, ":")
	var err error
	switch kind {
	case "", "line":
		err = eachLine(in, func(line []byte) {
			f.records++
			value(withoutEnd(line))
		})
	case "jsonl":
		keys := pathKeys(name)
		err = eachLine(in, func(line []byte) {
			if len(bytes.Trim(line, " \t\r\n")) > 0 {
				f.records++
				f.object(line, keys, value)
			}
		})
	case "csv":
		var row row
		row, err = headed(name, in, func(in *bufio.Reader) ([]string, error) {
			if first, _ := in.Peek(2); bytes.HasPrefix(first, []byte("\n")) || string(first) == "\r\n" {
				return nil, nil // an empty line, which package csv would pass over
			}
			return readCSV(in).Read()
		})
		for rows := readCSV(in); err == nil; {
			var cells []string
			if cells, err = rows.Read(); !errors.Is(err, io.EOF) {
				err = f.row(row, cells, err, value)
			}
		}
	case "csv-lines", "tsv":
		cut := func(line []byte) ([]string, error) { return strings.Split(string(withoutEnd(line)), "\t"), nil }
		if kind == "csv-lines" {
			cut = func(line []byte) ([]string, error) { return readCSV(bytes.NewReader(line)).Read() }
		}
		var row row
		row, err = headed(name, in, func(in *bufio.Reader) ([]string, error) {
			line, err := in.ReadBytes('\n')
			if len(withoutEnd(line)) == 0 {
				return nil, err
			}
			return cut(line)
		})
		if err == nil {
			err = eachLine(in, func(line []byte) {
				if len(withoutEnd(line)) > 0 {
					cells, err := cut(line)
					f.row(row, cells, err, value)
				}
			})
		}
	default:
		return f, errors.New("no such field: " + strconv.Quote(field))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return f, err
}

// eachLine gives each line with its end.
func eachLine(in *bufio.Reader, line func([]byte)) error {
	for {
		text, err := in.ReadBytes('\n')
		if len(text) > 0 {
			line(text)
		}
		if err != nil {
			return err
		}
	}
}

func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// pathKeys reads a path: keys with dots between them. A backslash stands before each dot and
// backslash that is in a key.
func pathKeys(path string) []string {
	keys := []string{""}
	for _, part := range regexp.MustCompile(`\\?(?s:.)`).FindAllString(path, -1) {
		if part == "." {
			keys = append(keys, "")
		} else {
			keys[len(keys)-1] += strings.TrimPrefix(part, `\`)
		}
	}
	return keys
}

// object counts a record in JSON.
func (f *fates) object(line []byte, keys []string, value func([]byte)) {
	var at json.RawMessage
	if json.Unmarshal(line, &at) != nil {
		f.malformed++
		return
	}
	for _, key := range keys {
		at = member(at, key)
	}
	if at == nil {
		f.missing++
		return
	}
	switch at[0] {
	case '{', '[':
		f.nested++
	case 'n':
		f.null++
	case '"':
		var text string
		json.Unmarshal(at, &text)
		value([]byte(text))
	default:
		value(at)
	}
}

// member is a member of an object, or an element of an array, or nil.
func member(of json.RawMessage, key string) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(of, &object) == nil {
		return object[key]
	}
	var array []json.RawMessage
	i, err := strconv.Atoi(key)
	if err == nil && strconv.Itoa(i) == key && json.Unmarshal(of, &array) == nil && i >= 0 && i < len(array) {
		return array[i]
	}
	return nil
}

func readCSV(text io.Reader) *csv.Reader {
	rows := csv.NewReader(text)
	rows.FieldsPerRecord = -1
	return rows
}

// row is the index of a column, -1 if the header doesn't have it.
type row int

// headed finds a column by its number, or by its name in the header, which read returns.
func headed(column string, in *bufio.Reader, read func(*bufio.Reader) ([]string, error)) (row, error) {
	if n, err := strconv.Atoi(column); err == nil && strings.Trim(column, "0123456789") == "" {
		return row(n - 1), nil
	}
	header, err := read(in)
	if _, malformed := errors.AsType[*csv.ParseError](err); malformed {
		return -1, nil
	}
	return row(slices.Index(header, column)), err
}

// row counts a row of a table. It returns the error if it isn't about the row.
func (f *fates) row(row row, cells []string, err error, value func([]byte)) error {
	_, malformed := errors.AsType[*csv.ParseError](err)
	if err != nil && !malformed {
		return err
	}
	f.records++
	switch {
	case malformed:
		f.malformed++
	case row < 0 || int(row) >= len(cells):
		f.missing++
	default:
		value([]byte(cells[row]))
	}
	return nil
}
