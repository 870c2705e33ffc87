package words

import (
	"unicode"
	"unicode/utf8"
)

// unicode gives the segments of UAX #29 that count as words. Bytes that aren't UTF-8 end a text: what
// is before and after them is segmented by itself, and each run of them is a word.
func (k *Cutter) unicode(value []byte, word func([]byte)) {
	if utf8.Valid(value) { // a fast path; the loop does the same
		k.segment(value, word)
		return
	}
	for start := 0; start < len(value); {
		end := start
		for bad := false; end < len(value) && !bad; {
			var size int
			if size, bad = sequence(value[end:]); !bad {
				end += size
			}
		}
		k.segment(value[start:end], word)
		start = end
		for bad := true; end < len(value) && bad; {
			var size int
			if size, bad = sequence(value[end:]); bad {
				end += size
			}
		}
		if end > start {
			word(value[start:end])
		}
		start = end
	}
}

// sequence is the size of the character that the text begins with, and whether it is a byte that isn't
// UTF-8.
func sequence(text []byte) (size int, bad bool) {
	r, size := utf8.DecodeRune(text)
	return size, r == utf8.RuneError && size == 1
}

// segment gives the words of a text that is UTF-8.
func (k *Cutter) segment(text []byte, word func([]byte)) {
	k.segments.SetText(text)
	for k.segments.Next() {
		if segment := k.segments.Value(); counts(segment) {
			word(segment)
		}
	}
	k.segments.SetText(nil) // it must not keep the value
}

// counts says whether a segment is a word: whether any of its characters is more than a mark,
// punctuation, symbol, separator, control or format character. What Go's tables don't know yet, and
// what is for private use, may be a letter.
func counts(segment []byte) bool {
	for i := 0; i < len(segment); {
		c := segment[i]
		if c < utf8.RuneSelf {
			if alphanumeric(c) {
				return true
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(segment[i:])
		if unicode.IsLetter(r) || !unicode.In(r, noise...) {
			return true
		}
		i += size
	}
	return false
}

var noise = []*unicode.RangeTable{unicode.M, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf}

func alphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}
