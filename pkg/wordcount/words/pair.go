package words

import "bytes"

// pair is how matches begin if they begin with one of two pairs of bytes, which have the same first byte.
type pair struct{ first, second, other byte }

// next returns where text has one of the pairs, at pos or behind it. It returns the last position if the
// first byte stands there, because the text doesn't say what follows, or the length if there is nothing.
func (p pair) next(text []byte, pos int) int {
	if pos >= len(text) {
		return len(text)
	}
	last := len(text) - 1
	if pos += p.index(text[pos:]); pos < last {
		return pos
	}
	if text[last] == p.first {
		return last
	}
	return len(text)
}

// indexGo returns where text has one of the pairs, or the position of its last byte.
func (p pair) indexGo(text []byte) int {
	last := len(text) - 1
	for pos := 0; pos < last; pos++ {
		n := bytes.IndexByte(text[pos:last], p.first)
		if n < 0 {
			break
		}
		pos += n
		if next := text[pos+1]; next == p.second || next == p.other {
			return pos
		}
	}
	return last
}
