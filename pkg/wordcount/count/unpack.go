package count

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

const (
	// unpackStep is how many bytes an Unpacker reads at once.
	unpackStep = 1 << 20
	// entryMax bounds a word in a blob with its length and its count, in bytes.
	entryMax = headMax + MaxWord + headMax
)

// A Step is some words of a blob, with their counts.
type Step struct {
	Words  int
	Tokens uint64 // the sum of the counts

	entries []byte // each is sound
}

// All yields the words of the step. A word is valid until the next step.
func (s Step) All() iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		for i := 0; i < len(s.entries); {
			e := entry(s.entries, i)
			if !yield(s.entries[e.start:e.end:e.end], e.n) {
				return
			}
			i = e.next
		}
	}
}

// MergeStep adds the counts of a step.
func (t *Table) MergeStep(s Step) {
	for i := 0; i < len(s.entries); {
		i = t.mergeBatch(s.entries, i, nil)
	}
}

// An Unpacker reads a blob step by step, so that the blob needn't fit into memory. It gives words
// out before it has read the whole blob. So a caller that meets an error must drop what it has done
// with all earlier steps. Its zero value has nothing to read. It holds about 1 MiB.
type Unpacker struct {
	from  io.Reader
	ended bool // from has no more
	begun bool // the head was read

	buf  []byte // of entryMax bytes, so that any word fits in
	have int    // bytes in buf
	at   int    // bytes of them that were given out
	left uint64 // words that are not given out yet

	step int // bytes to read at once; 0: unpackStep
}

// Reset makes u read the blob that from holds. It keeps the memory.
func (u *Unpacker) Reset(from io.Reader) {
	*u = Unpacker{from: from, buf: u.buf, step: u.step}
}

// Next returns the next words, at least one. They are valid until Next or Reset is called again. The
// error is io.EOF after the last word, wraps ErrBlob if the blob isn't sound, and otherwise is what
// reading it met.
func (u *Unpacker) Next() (Step, error) {
	for {
		if err := u.fill(); err != nil {
			return Step{}, err
		}
		if !u.begun && !u.head() && (u.ended || u.have >= headMax) {
			return Step{}, fmt.Errorf("%w: version or number of words", ErrBlob)
		}
		if !u.begun {
			continue
		}
		if s := u.take(); s.Words > 0 {
			return s, nil
		}
		switch rest := u.have - u.at; {
		case u.left == 0 && rest > 0:
			return Step{}, fmt.Errorf("%w: bytes after its last word", ErrBlob)
		case u.left == 0 && u.ended:
			return Step{}, io.EOF
		case u.ended || rest == entryMax:
			return Step{}, fmt.Errorf("%w: %d words before its last word", ErrBlob, u.left)
		}
	}
}

// fill moves what is left to the front of the buffer, and reads on.
func (u *Unpacker) fill() error {
	if u.buf == nil {
		u.buf = make([]byte, entryMax)
	}
	u.have, u.at = copy(u.buf, u.buf[u.at:u.have]), 0
	if u.ended || u.from == nil {
		u.ended = true
		return nil
	}
	step := u.step
	if step == 0 {
		step = unpackStep
	}
	n, err := u.from.Read(u.buf[u.have:min(u.have+step, entryMax)])
	u.have += n
	switch {
	case errors.Is(err, io.EOF):
		u.ended = true
	case err != nil:
		return err
	case n == 0:
		return io.ErrNoProgress
	}
	return nil
}

// head reads the head of the blob, and reports whether it is there and sound.
func (u *Unpacker) head() bool {
	b := u.buf[:u.have]
	if len(b) == 0 || b[0] != BlobVersion {
		return false
	}
	words, next := uvarint(b, 1)
	if next == 0 || words == 0 {
		return false
	}
	u.left, u.at, u.begun = words, next, true
	return true
}

// take takes all words that are whole.
func (u *Unpacker) take() (s Step) {
	b, i := u.buf[:u.have], u.at
	for ; u.left > 0; u.left-- {
		e := entry(b, i)
		if e.next == 0 {
			break
		}
		s.Words++
		s.Tokens += e.n
		i = e.next
	}
	s.entries = b[u.at:i]
	u.at = i
	return s
}
