package count

import (
	"fmt"
	"io"
	"math/bits"
)

// MaxWord is the longest word, in bytes, that Split counts. It bounds the
// memory of a split; no text has such a word, but a binary file may.
const MaxWord = 1 << 20

// WordTooLongError reports a word of more than MaxWord bytes.
type WordTooLongError struct {
	Offset int64 // of its first byte in the file
}

func (e *WordTooLongError) Error() string {
	return fmt.Sprintf("count: the word at offset %d is longer than %d bytes", e.Offset, MaxWord)
}

const (
	chunk  = 256 << 10 // read at once
	behind = 3         // bytes before a split that tell whether a word starts at its first byte
	beyond = 512       // bytes read past a split at first, to finish its last word
	slack  = 64        // room behind the buffer's bytes, so that a whole block can be loaded anywhere
)

// Split adds the words that start in [off, off+n) of r, whose size is size.
// It reads past the end to finish the last word, and a few bytes before off to
// know whether a word starts there, so that the splits of any partition of a
// file add up to the words of the whole.
//
// It returns the number of words it added. On error the table holds a part of
// the split, and the caller must Reset it. The errors are those of r,
// io.ErrUnexpectedEOF if r ends before size, and *WordTooLongError.
func (t *Table) Split(r io.ReaderAt, off, n, size int64) (tokens uint64, err error) {
	end := min(off+n, size)
	if off >= end {
		return 0, nil
	}
	before := t.tokens
	base := max(off-behind, 0) // the file offset of buf[0]
	have, at := 0, 0           // bytes in buf, and how many of them are scanned
	open := -1                 // where the word that isn't finished yet starts
	word := true               // the byte before buf[at] belongs to a word, whoever counts it
	if base == 0 {
		word = false
	}
	limit := min(end+beyond, size)
	for {
		// Make room, then read on.
		keep := max(at-behind, 0)
		if open >= 0 {
			keep = open
		}
		have = copy(t.buf, t.buf[keep:have])
		base, at = base+int64(keep), at-keep
		if open >= 0 {
			open = 0
			if at > MaxWord {
				return t.tokens - before, &WordTooLongError{base}
			}
		}
		next := base + int64(have)
		if next >= limit {
			limit = min(limit+chunk, size)
		}
		z := int(min(limit-next, chunk))
		if len(t.buf) < have+z+slack {
			t.buf = append(t.buf, make([]byte, have+z+slack-len(t.buf))...)
		}
		if err := readFull(r, t.buf[have:have+z], next); err != nil {
			return t.tokens - before, err
		}
		have += z

		// The last bytes may be the beginning of a white space.
		eof := base+int64(have) == size
		stop := have - 2
		if eof {
			stop = have
			clear(t.buf[have : have+slack])
		}
		for at < stop {
			m := spaces(t.buf, at)
			if stop-at < 64 {
				m |= ^uint64(0) << (stop - at)
			}
			last := min(stop-at, 64)
			// edges: a bit where a word starts or ends
			prev := m<<1 | 1
			if word {
				prev &^= 1
			}
			for e := (m ^ prev); e != 0; e &= e - 1 {
				i := at + bits.TrailingZeros64(e)
				if i >= stop {
					break
				}
				if pos := base + int64(i); m>>(i-at)&1 == 0 { // a start
					if pos >= end {
						return t.tokens - before, nil
					}
					if pos >= off {
						open = i
					}
				} else if open >= 0 {
					if i-open > MaxWord {
						return t.tokens - before, &WordTooLongError{base + int64(open)}
					}
					t.Add(t.buf[open:i], 1)
					open = -1
				}
			}
			word = m>>(last-1)&1 == 0
			at += last
		}
		if eof && open >= 0 {
			if have-open > MaxWord {
				return t.tokens - before, &WordTooLongError{base + int64(open)}
			}
			t.Add(t.buf[open:have], 1)
			open = -1
		}
		if eof || open < 0 && base+int64(at) >= end {
			return t.tokens - before, nil
		}
	}
}

// readFull is io.ReadFull for an io.ReaderAt. The end of the file is unexpected.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := r.ReadAt(p, off)
		p, off = p[n:], off+int64(n)
		switch {
		case len(p) == 0:
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case n == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}
