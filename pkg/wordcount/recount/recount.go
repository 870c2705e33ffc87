package recount

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Counts is every word of the input, or of a share of it, with its count.
type Counts map[string]uint64

// Files counts every file of the manifest, and says what became of their records. The words of the
// share must fit into memory. Progress gets the number of bytes read so far.
//
// The error wraps ErrInput if a file is not what the manifest says, because then a recount proves
// nothing.
func Files(ctx context.Context, m plan.Manifest, counting plan.Counting, share Share, progress func(bytes int64)) (Counts, protocol.Tally, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		read    atomic.Int64
		tables  = make([]tally, runtime.GOMAXPROCS(0)) // one for each goroutine
		report  sync.Mutex
	)
	for i := range tables {
		tables[i].index = map[string]int{}
		workers.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(m.Files) {
					return
				}
				err := countFile(ctx, m.Files[n], counting, share, &tables[i], func(bytes int) {
					report.Lock()
					defer report.Unlock()
					progress(read.Add(int64(bytes)))
				})
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, protocol.Tally{}, err
	}
	total, fates := Counts{}, protocol.Tally{}
	for _, table := range tables {
		fates.Add(table.records)
		for word, i := range table.index {
			total[word] += table.counts[i]
		}
	}
	return total, fates, nil
}

// tally counts words. Looking a word up makes no string of it, but counting in the map itself would.
type tally struct {
	index  map[string]int // of a word in counts
	counts []uint64

	records protocol.Tally
}

func (t *tally) add(word []byte) {
	i, known := t.index[string(word)]
	if !known {
		i = len(t.counts)
		t.index[string(word)], t.counts = i, append(t.counts, 0)
	}
	t.counts[i]++
}

// countFile counts a file.
func countFile(ctx context.Context, f input.File, counting plan.Counting, share Share, counts *tally, progress func(int)) error {
	in, err := open(ctx, f)
	if err != nil {
		return notCounted(err)
	}
	defer in.Close()
	raw := &watched{r: in, progress: progress}
	// A file that grew was counted up to its planned size.
	file, as, err := unpack(io.NewSectionReader(raw, 0, f.Size), f)
	if err != nil {
		return notCounted(err)
	}
	words := func(text []byte) {
		for word := range bytes.FieldsSeq(text) {
			if share.Has(word) {
				counts.add(word)
			}
		}
	}
	if counting.Plain() {
		err = countText(ctx, file, words)
	} else {
		err = countRecords(ctx, file, counting, counts, share)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return notCounted(cmp.Or(in.Check(true), err)) // what has changed may be the reason
	}
	if err := in.Check(true); err != nil {
		return notCounted(err)
	}
	if raw.read < f.Size && as == input.Plain { // a decoder would have missed the rest
		return notCounted(&input.ChangedError{
			Path: f.Path, How: fmt.Sprintf("its size is %d bytes, and yet only %d can be read", f.Size, raw.read)})
	}
	return nil
}

// countText gives the words of a text block by block. What may be half a word at the end of a block
// stays for the next one.
func countText(ctx context.Context, file io.Reader, words func([]byte)) error {
	block := make([]byte, 1<<20)
	kept := 0 // bytes at the beginning of block that may be half a word
	for {
		n, err := io.ReadFull(file, block[kept:])
		text := block[:kept+n]
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			words(text)
			return nil
		}
		if err != nil {
			return err
		}
		space := bytes.LastIndexFunc(text, unicode.IsSpace)
		if space < 0 { // all of it is one word, so far
			block = append(block, make([]byte, len(block))...)
			kept = len(text)
			continue
		}
		_, width := utf8.DecodeRune(text[space:])
		words(text[:space])
		kept = copy(block, text[space+width:])
	}
}

// countRecords counts the words of the records of a text.
func countRecords(ctx context.Context, file io.Reader, counting plan.Counting, counts *tally, share Share) error {
	words, err := tokens(counting.Words.Words(), counting.Words.Fold())
	if err != nil {
		return err
	}
	count := func(word []byte) {
		if share.Has(word) {
			counts.add(word)
		}
	}
	f, err := records(counting.Field.String(), interruptible{ctx, file}, func(value []byte) { words(value, count) })
	counts.records.Add(protocol.Tally{
		Records: f.records, Missing: f.missing, Null: f.null, Nested: f.nested, Malformed: f.malformed,
	})
	return err
}

// interruptible is a text that ends with an error when its context ends.
type interruptible struct {
	ctx  context.Context
	text io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.text.Read(p)
}

// watched is a file whose bytes are reported when they are read, or passed over, for the first time.
type watched struct {
	r        io.ReaderAt
	read     int64 // bytes
	progress func(int)
}

func (w *watched) ReadAt(p []byte, off int64) (n int, err error) {
	n, err = w.r.ReadAt(p, off)
	if more := off + int64(n) - w.read; more > 0 {
		w.read += more
		w.progress(int(more))
	}
	return n, err
}

// notCounted is the error of a file that can't be recounted, because it is not what was counted, or
// can't be read.
func notCounted(err error) error {
	if changed, ok := errors.AsType[*input.ChangedError](err); ok {
		return fmt.Errorf("%w: %q isn't what was counted: %s: run again", protocol.ErrInput, changed.Path, changed.How)
	}
	return fmt.Errorf("%w: %s", protocol.ErrInput, input.Describe(err))
}
