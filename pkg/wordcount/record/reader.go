package record

import (
	"bytes"
	"fmt"
	"io"
)

// Range is a range of bytes of a text.
type Range struct{ Off, End int64 }

// Reader gives the values of one field. It keeps its buffers for the next text. It isn't safe for
// concurrent use.
type Reader struct {
	// Lines, if it isn't nil, is called instead of the function value where the fields are lines: with
	// several lines at once, each with its LF, and none with a CR before it. After an error the function
	// value is called for each of them, to find the line that is refused.
	Lines func(lines []byte) error

	format Format
	strict bool
	size   int // bytes of a window that hasn't grown
	window window
	finder finder // of JSON
	rows   rows   // of CSV and TSV
}

// NewReader returns a reader. If it is strict, a record without a value is a *Error. A record of more
// than most bytes is always one; most is MaxRecord or less.
func NewReader(f Format, strict bool, most int) *Reader {
	r := &Reader{format: f, strict: strict, size: windowSize, window: window{most: most}}
	switch f.kind {
	case jsonLines:
		r.finder.path, _ = steps(f.field) // Parse has checked it
	case csvText, csvLines:
		r.rows = rows{comma: ',', quotes: true, across: f.kind == csvText, quote: -1}
	case tsvLines:
		r.rows = rows{comma: '\t'}
	}
	return r
}

// Each calls value for the field of each record that begins in the range, and says what became of
// all of these records. The text starts at byte max(part.Off-1, 0) of the file, and goes on to the
// end of the file; it is read as far as needed. The header is the first line of the file. It is
// ignored if the format isn't headed, or if part.Off is 0, because then the text begins with it.
//
// The function value must not keep its argument. Its errors and those of the text are returned as
// they are. A *Error is what is wrong with a record.
func (r *Reader) Each(text io.Reader, part Range, header []byte, value func([]byte) error) (Tally, error) {
	var tally Tally
	if part.Off > 0 && !r.format.Cuttable() {
		return tally, fmt.Errorf("a text of the format %q can't be cut", r.format)
	}
	if part.End <= part.Off {
		return tally, nil
	}
	w := &r.window
	w.open(text, max(part.Off-1, 0), r.size)
	r.rows.column = r.format.number() - 1
	if part.Off > 0 {
		if err := w.skipLine(part.End); err != nil {
			return tally, err
		}
		if r.format.Headed() {
			first, _, _ := bytes.Cut(bytes.TrimPrefix(header, []byte(byteOrderMark)), []byte("\n"))
			r.rows.header(append(bytes.Clone(first), '\n'), r.format.field, true)
		}
	} else if r.format.kind != plain {
		if err := w.skipMark(); err != nil {
			return tally, err
		}
		part.End = max(part.End, w.base+1) // the mark belongs to the first record
		if err := r.readHeader(part.End); err != nil {
			return tally, err
		}
	}
	for partial := false; w.base < part.End; {
		if err := w.fill(partial, part.End); err != nil {
			return tally, err
		}
		block := w.block()
		if len(block) == 0 {
			break
		}
		stop := int(min(part.End-w.base, int64(len(block))))
		used, err := r.records(block, stop, &tally, value)
		if err != nil {
			w.base += int64(used)
			return tally, err
		}
		partial = used < stop
		w.use(used)
		if w.ended && len(w.buf) == 0 {
			break
		}
	}
	return tally, nil
}

// Shrink frees the memory that large records took.
func (r *Reader) Shrink() { r.window, r.finder.value = window{most: r.window.most}, nil }

// Offset returns where in the text the record begins for which the function value returned the error
// that ended Each.
func (r *Reader) Offset() int64 { return r.window.base }

// Header reads the first line of a file, which starts at byte 0 of the text. Ranges that don't
// begin there need it, if the format is headed. Its errors are like those of Each.
func (r *Reader) Header(text io.Reader) ([]byte, error) {
	w := window{most: r.window.most}
	w.open(text, 0, headerSize)
	err := w.fill(false, 0)
	first, _, _ := bytes.Cut(w.block(), []byte("\n"))
	return first, err
}

// readHeader reads the header from the beginning of the text.
func (r *Reader) readHeader(end int64) error {
	if !r.format.Headed() {
		return nil
	}
	for partial, w := false, &r.window; ; partial = true {
		if err := w.fill(partial, end); err != nil {
			return err
		}
		if len(w.block()) == 0 {
			return nil
		}
		used, whole := r.rows.header(w.block(), r.format.field, w.ended)
		if whole {
			w.use(used)
			return nil
		}
	}
}

// records gives the values of the records that begin in block[:stop]. The block is whole lines. It
// returns how many bytes these records have, up to len(block). These are fewer than stop if the
// last record goes on behind the block.
func (r *Reader) records(block []byte, stop int, tally *Tally, value func([]byte) error) (used int, err error) {
	switch r.format.kind {
	case jsonLines:
		return r.objects(block, stop, tally, value)
	case csvText, csvLines, tsvLines:
		return r.cells(block, stop, tally, value)
	}
	if r.Lines != nil {
		lines := block[:stop+bytes.IndexByte(block[stop-1:], '\n')]
		if !bytes.Contains(lines, []byte("\r\n")) {
			if err = r.Lines(lines); err == nil {
				tally.Records += uint64(bytes.Count(lines, []byte("\n")))
				return len(lines), nil
			}
		}
	}
	for used < stop {
		end := used + bytes.IndexByte(block[used:], '\n')
		tally.Records++
		if err := value(dropCR(block[used:end])); err != nil {
			return used, err
		}
		used = end + 1
	}
	return used, err // of Lines, if value has not told it
}

// lacks counts a record without a value. It is an error if the reader is strict.
func (r *Reader) lacks(count *uint64, at int, why func() string) error {
	*count++
	if r.strict {
		return &Error{r.window.base + int64(at), why()}
	}
	return nil
}

// dropCR drops the CR of a CRLF.
func dropCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
