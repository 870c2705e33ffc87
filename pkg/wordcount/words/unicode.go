package words

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// unicode gives the segments of UAX #29 that count as words. Bytes that aren't UTF-8 end a text:
// what is before and after them is segmented by itself, and each run of them is a word.
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

// sequence is the size of the character that the text begins with, and whether it is a byte that
// isn't UTF-8.
func sequence(text []byte) (size int, bad bool) {
	r, size := utf8.DecodeRune(text)
	return size, r == utf8.RuneError && size == 1
}

// segment gives the words of a text that is UTF-8. What is ASCII, and isn't beside anything else,
// it segments by itself, because that is several times as fast as the library.
func (k *Cutter) segment(text []byte, word func([]byte)) {
	for i := 0; i < len(text); {
		if end, isWord := asciiSegment(text, i); end > i {
			if isWord {
				word(text[i:end])
			}
			i = end
			continue
		}
		k.segments.SetText(text[i:])
		k.segments.Next()
		segment := k.segments.Value()
		if k.counts(segment) {
			word(segment)
		}
		i += len(segment)
	}
	k.segments.SetText(nil) // it must not keep the value
}

// The classes of ASCII characters that the rules of UAX #29 tell apart.
const (
	letter       = 1 << iota // ALetter
	digit                    // Numeric
	underscore               // ExtendNumLet
	space                    // WSegSpace
	betweenAlpha             // MidLetter, MidNumLet, Single_Quote
	betweenDigit             // MidNum, MidNumLet, Single_Quote
	beyondASCII
)

var asciiClasses = func() (classes [256]uint8) {
	for c := range classes {
		switch {
		case c >= utf8.RuneSelf:
			classes[c] = beyondASCII
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			classes[c] = letter
		case '0' <= c && c <= '9':
			classes[c] = digit
		}
	}
	classes['_'], classes[' '] = underscore, space
	classes['.'], classes['\''] = betweenAlpha|betweenDigit, betweenAlpha|betweenDigit
	classes[':'], classes[','], classes[';'] = betweenAlpha, betweenDigit, betweenDigit
	return classes
}()

// asciiSegment returns where the segment ends that begins at i, and whether it has a letter or a
// digit. The end is i if a character beyond ASCII could be part of it. Segments of line ends may be
// shorter than those of the rules, because they aren't words.
func asciiSegment(text []byte, i int) (end int, isWord bool) {
	var seen uint8
	class := asciiClasses[text[i]]
	if class&(letter|digit|underscore) == 0 {
		for end = i + 1; end < len(text) && class == space && text[end] == ' '; end++ {
		}
		if class == beyondASCII || end < len(text) && text[end] >= utf8.RuneSelf {
			return i, false
		}
		return end, false
	}
	for end = i; ; end++ {
		for end < len(text) && asciiClasses[text[end]]&(letter|digit|underscore) != 0 {
			seen |= asciiClasses[text[end]]
			end++
		}
		if end == len(text) {
			break
		}
		class := asciiClasses[text[end]]
		if class == beyondASCII {
			return i, false
		}
		if class&(betweenAlpha|betweenDigit) == 0 || end+1 == len(text) {
			break
		}
		before, after := asciiClasses[text[end-1]], asciiClasses[text[end+1]]
		if after == beyondASCII {
			return i, false
		}
		if !(class&betweenAlpha != 0 && before&after == letter || class&betweenDigit != 0 && before&after == digit) {
			break
		}
	}
	return end, seen&(letter|digit) != 0
}

// counts says whether a segment is a word: whether any of its characters is more than a mark,
// punctuation, symbol, separator, control or format character. What Go's tables don't know yet, and
// what is for private use, may be a letter.
func (k *Cutter) counts(segment []byte) bool {
	for i := 0; i < len(segment); {
		r, size := rune(segment[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(segment[i:])
		}
		if r > lastOfTable && !unicode.In(r, noise...) ||
			r <= lastOfTable && k.meaningful[r/64]>>(r%64)&1 == 1 {
			return true
		}
		i += size
	}
	return false
}

var noise = []*unicode.RangeTable{unicode.M, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf}

// lastOfTable is the last character that is in a table, because looking it up in noise takes
// longer.
const lastOfTable = 0xFFFF

// meaningful has a bit for each character that is not noise.
var meaningful = sync.OnceValue(func() *[(lastOfTable + 1) / 64]uint64 {
	var table [(lastOfTable + 1) / 64]uint64
	for r := range rune(lastOfTable + 1) {
		if !unicode.In(r, noise...) {
			table[r/64] |= 1 << (r % 64)
		}
	}
	return &table
})
