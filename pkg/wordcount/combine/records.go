package combine

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/record"
	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

// records counts the words of records, for all that package count doesn't cut by itself.
type records struct {
	combiner *Combiner
	headed   bool
	reader   *record.Reader
	cutter   *words.Cutter

	waiting count.Words  // not in the table yet
	word    func([]byte) // add, which would else be allocated for each value
	tokens  uint64       // words of the text so far
	words   int          // since the size of the table was checked
	bytes   int64        // of these words
	err     error        // of adding a word: a Cutter can't be told
}

// countRecords makes a combiner count what a job says. It does nothing for the words of plain text.
func (c *Combiner) countRecords(counting plan.Counting) error {
	if counting.Plain() {
		return nil
	}
	cutter, err := counting.Words.Cutter()
	if err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	r := &records{
		combiner: c, headed: counting.Field.Headed(),
		reader: record.NewReader(counting.Field, counting.Strict, memory.Record(c.memory)), cutter: cutter,
	}
	r.word = r.add
	if cutter.CutsLines() {
		r.reader.Lines = r.addLines
	}
	c.records = r
	return nil
}

// count adds a range of an open file to the table.
func (r *records) count(f File, s plan.Split, as input.Compression) (tokens uint64, err error) {
	if as != input.Plain {
		return r.countUnpacked(f, s, as)
	}
	var header []byte
	if r.headed && s.Off > 0 {
		if header, err = r.reader.Header(&stretch{f, 0, s.Size}); err != nil {
			return 0, err
		}
	}
	return r.countText(&stretch{f, max(s.Off-1, 0), s.Size}, record.Range{Off: s.Off, End: s.Off + s.Len}, header)
}

// countUnpacked adds a compressed file, or some of its frames, to the table.
func (r *records) countUnpacked(f File, s plan.Split, as input.Compression) (tokens uint64, err error) {
	var header []byte
	if r.headed && s.Off > 0 {
		whole := plan.Split{File: s.File, Len: s.Size, Frames: true}
		text, err := r.combiner.unpacking(f, whole, as, lineEnd)
		if err != nil {
			return 0, err
		}
		if header, err = r.reader.Header(text); err != nil {
			return 0, text.locate(err)
		}
	}
	text, err := r.combiner.unpacking(f, s, as, lineEnd)
	if err != nil {
		return 0, err
	}
	part := record.Range{End: math.MaxInt64}
	if s.Off > 0 {
		part.Off = 1 // the text begins with the end of the line before
	}
	tokens, err = r.countText(text, part, header)
	r.combiner.unpacked(text)
	return tokens, text.locate(err)
}

// countText counts the records that begin in a range of a text.
func (r *records) countText(text io.Reader, part record.Range, header []byte) (tokens uint64, err error) {
	r.tokens, r.err, r.waiting = 0, nil, count.Words{}
	tally, err := r.reader.Each(text, part, header, func(value []byte) error {
		r.cutter.Cut(value, r.word)
		return r.err
	})
	if err == nil {
		err = r.flush()
	}
	r.combiner.tally.Add(protocol.Tally{
		Records: tally.Records, Missing: tally.Missing, Null: tally.Null, Nested: tally.Nested, Malformed: tally.Malformed,
	})
	if _, long := errors.AsType[*count.WordTooLongError](err); long {
		return 0, &count.WordTooLongError{Offset: r.reader.Offset()}
	}
	return r.tokens, err
}

// addLines adds the words of lines.
func (r *records) addLines(lines []byte) error {
	r.cutter.CutLines(lines, r.word)
	err := r.err
	r.err = nil // to find the line
	return err
}

// add adds a word, and keeps the table within its bounds. It does nothing after an error.
func (r *records) add(word []byte) {
	switch {
	case r.err != nil:
		return
	case len(word) > count.MaxWord:
		r.err = &count.WordTooLongError{}
		return
	}
	r.tokens++
	r.words++
	r.bytes += int64(len(word))
	if r.waiting.Add(word) {
		r.err = r.flush()
	}
}

// flush adds the words that wait. It checks the size of the table as often as Combiner.add does.
func (r *records) flush() error {
	c := r.combiner
	c.table.AddWords(&r.waiting)
	if r.words < c.stepDistinct()/2 && r.bytes < c.step() {
		return nil
	}
	r.words, r.bytes = 0, 0
	return c.bound()
}

// stretch is a file from an offset on up to its planned size. If the file ends before that, the text is
// cut off: Read returns io.ErrUnexpectedEOF, and not io.EOF.
type stretch struct {
	file io.ReaderAt
	off  int64
	size int64
}

func (s *stretch) Read(p []byte) (n int, err error) {
	if s.off >= s.size {
		return 0, io.EOF
	}
	n, err = s.file.ReadAt(p[:min(int64(len(p)), s.size-s.off)], s.off)
	s.off += int64(n)
	if err == io.EOF && s.off < s.size {
		err = io.ErrUnexpectedEOF
	} else if err == io.EOF {
		err = nil
	}
	return n, err
}
