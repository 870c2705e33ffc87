package count

import "io"

// Split adds the words that start in [off, off+n) of r, which holds size bytes.
// It reads a few bytes before off, to know whether a word starts there, and on
// past the end to finish the last word. The splits of any partition of a file
// add up to the words of the whole.
//
// It returns the number of words added. After an error the table holds an
// unknown part of the split and must be Reset. Errors are those of r;
// io.ErrUnexpectedEOF if r ends before size; and *WordTooLongError, only from
// the split in which that word starts.
func (t *Table) Split(r io.ReaderAt, off, n, size int64) (tokens uint64, err error) {
	n = min(n, size-off)
	if off < 0 || n <= 0 {
		return 0, nil
	}
	before := t.tokens
	s := &t.scan
	for s.start(off, off+n, size); !s.done; {
		if err := s.fill(r); err != nil {
			return 0, err
		}
		for s.next() {
			if i := t.addAll(s.buf, s.edges[:s.n&^1]); i >= 0 {
				return 0, &WordTooLongError{s.base + int64(s.edges[i])}
			}
		}
	}
	return t.tokens - before, nil
}
