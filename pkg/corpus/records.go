package corpus

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// AsRecords writes the lines of each text in a folder as records, into a folder beside it, and returns
// that. A line becomes the value of the field, which is jsonl:PATH, csv:COLUMN, csv-lines:COLUMN or
// tsv:COLUMN. Each seventh record may have no value. For any other field the texts stay as they are.
func AsRecords(dir, field string) (string, error) {
	kind, name, named := strings.Cut(field, ":")
	if !named {
		return dir, nil
	}
	sum := fnv.New64a()
	sum.Write([]byte(field))
	to := dir + "-" + strconv.FormatUint(sum.Sum64(), 16)
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return to, err // it is complete, because it was renamed when it was
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(to)+"-part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part) // unless it is renamed
	texts, err := os.ReadDir(dir)
	for _, text := range texts {
		if err == nil && text.Type().IsRegular() {
			err = writeRecords(filepath.Join(dir, text.Name()), filepath.Join(part, text.Name()), kind, name)
		}
	}
	if err == nil {
		err = os.Rename(part, to)
	}
	return to, err
}

func writeRecords(from, to, kind, name string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	lines, buffered := bufio.NewReader(in), bufio.NewWriter(out)
	record := recordWriter(buffered, kind, name)
	for n := 0; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			record(n, bytes.TrimSuffix(line, []byte("\n")))
		}
		if errors.Is(err, io.EOF) {
			return buffered.Flush() // a Writer keeps its first error
		}
		if err != nil {
			return err
		}
	}
}

// recordWriter returns what writes the n-th record.
func recordWriter(out *bufio.Writer, kind, name string) func(n int, value []byte) {
	cell := func(value []byte) []byte {
		if kind == "tsv" {
			return bytes.ReplaceAll(value, []byte("\t"), []byte(" "))
		}
		return append(append([]byte{'"'}, bytes.ReplaceAll(value, []byte{'"'}, []byte{'"', '"'})...), '"')
	}
	if kind == "jsonl" {
		keys := strings.Split(name, ".")
		return func(n int, value []byte) {
			var object any
			if n%7 != 6 {
				object = string(value)
			}
			for i := range keys {
				object = map[string]any{keys[len(keys)-1-i]: object}
			}
			text, _ := json.Marshal(object) // maps and strings: no error
			out.Write(append(text, '\n'))
		}
	}
	comma, before := ",", 0
	if kind == "tsv" {
		comma = "\t"
	}
	column, err := strconv.Atoi(name)
	if err == nil {
		before = column - 1
	} else {
		out.Write(append(cell([]byte(name)), '\n'))
	}
	return func(n int, value []byte) {
		if n%7 == 6 && before > 0 {
			out.WriteString("short\n")
			return
		}
		out.WriteString(strings.Repeat(comma, before))
		out.Write(append(cell(value), '\n'))
	}
}
