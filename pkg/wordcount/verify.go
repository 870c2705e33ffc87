package wordcount

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Difference is a word whose two counts differ.
type Difference struct {
	Word      string
	Want, Got uint64 // by a serial count; in the result
}

// Verdict is what a recount says of a result.
type Verdict struct {
	Distinct                    int // words by the recount
	Missing, Surplus, Different int
	First                       []Difference // some of them, in the order of the words
}

// Part is one of so many equal parts of all words, by hash: where not all of them fit into memory, each part can be
// verified by itself. The zero value is the whole.
type Part struct{ Number, Of int } // Number from 1

// ParsePart reads "1/16". The error wraps ErrInput.
func ParsePart(s string) (p Part, err error) {
	if _, err := fmt.Sscanf(s, "%d/%d", &p.Number, &p.Of); err != nil || p.Number < 1 || p.Number > p.Of {
		return p, fmt.Errorf("%w: part %q: write one as 1/16", ErrInput, s)
	}
	return p, nil
}

func (p Part) has(word []byte) bool {
	if p.Of == 0 {
		return true
	}
	h := fnv.New32a()
	h.Write(word)
	return int(h.Sum32()%uint32(p.Of)) == p.Number-1
}

// Exact tells whether the result equals the recount.
func (v Verdict) Exact() bool { return v.Missing+v.Surplus+v.Different == 0 }

// differencesShown is how many differences a verdict names.
const differencesShown = 10

// Recount is every word of a part with its count, by the standard library alone, never by the kernel that it checks.
type Recount map[string]uint64

// Compare compares a result with the recount, both ways. It takes the words that it finds out of the recount, which can
// be compared with one result therefore: clone it for another. Words outside of the part are passed over.
func (want Recount) Compare(ctx context.Context, r Result, part Part) (Verdict, error) {
	v := Verdict{Distinct: len(want)}
	note := func(d Difference) { v.First = append(v.First, d) }
	for e, err := range r.entries(ctx) {
		if err != nil {
			return Verdict{}, err
		}
		if !part.has([]byte(e.Word)) {
			continue
		}
		n, ok := want[e.Word]
		switch {
		case !ok:
			v.Surplus++
			note(Difference{e.Word, 0, e.N})
		case n != e.N:
			v.Different++
			note(Difference{e.Word, n, e.N})
		}
		delete(want, e.Word)
	}
	v.Missing = len(want)
	for word, n := range want {
		note(Difference{word, n, 0})
	}
	slices.SortFunc(v.First, func(a, b Difference) int { return strings.Compare(a.Word, b.Word) })
	v.First = v.First[:min(len(v.First), differencesShown)]
	return v, nil
}

// NewRecount counts every file of the manifest, some at a time. The words of the part must fit into memory. Progress
// gets the bytes read so far.
//
// The error wraps ErrInput if a file isn't any more what the manifest says: a recount would prove nothing.
func NewRecount(ctx context.Context, m Manifest, part Part, progress func(bytes int64)) (Recount, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		read    atomic.Int64
		parts   = make([]map[string]uint64, runtime.GOMAXPROCS(0))
		report  sync.Mutex
	)
	for i := range parts {
		counts := map[string]uint64{}
		parts[i] = counts
		workers.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(m.Files) {
					return
				}
				err := recountFile(ctx, m.Files[n], part, counts, func(bytes int) {
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
		return nil, err
	}
	total := parts[0]
	for _, part := range parts[1:] {
		for word, n := range part {
			total[word] += n
		}
	}
	return total, nil
}

// recountFile counts a file in blocks that end where a word does.
func recountFile(ctx context.Context, f File, part Part, counts map[string]uint64, progress func(int)) error {
	var in input
	how, err := in.open(ctx, f)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s", ErrInput, plain(err))
	case how != "":
		return fmt.Errorf("%w: %q isn't what was counted: %s: run again", ErrInput, f.Path, how)
	}
	defer in.close()
	file, read := io.NewSectionReader(&in, 0, f.Size), int64(0) // what it may have grown by was not counted
	words := func(text []byte) {
		for _, word := range bytes.Fields(text) {
			if part.has(word) {
				counts[string(word)]++
			}
		}
	}
	block := make([]byte, 1<<20)
	kept := 0 // bytes at the start of block that may be half a word
	for {
		n, err := io.ReadFull(file, block[kept:])
		text := block[:kept+n]
		read += int64(n)
		progress(n)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			words(text)
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %s", ErrInput, plain(err))
		}
		space := bytes.LastIndexFunc(text, unicode.IsSpace)
		if space < 0 { // one long word, so far
			block = append(block, make([]byte, len(block))...)
			kept = len(text)
			continue
		}
		_, width := utf8.DecodeRune(text[space:])
		words(text[:space])
		kept = copy(block, text[space+width:])
	}
	switch how, err := in.compare(true); {
	case err != nil:
		return fmt.Errorf("%w: %s", ErrInput, plain(err))
	case how == "" && read < f.Size:
		how = fmt.Sprintf("its size is %d bytes, and yet only %d can be read", f.Size, read)
		fallthrough
	case how != "":
		return fmt.Errorf("%w: %q isn't what was counted: %s: run again", ErrInput, f.Path, how)
	}
	return nil
}
