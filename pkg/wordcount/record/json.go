package record

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions of this file look at b from i on. They go no further than the next line end, but
// for seven bytes that they don't use. They return the end of what they have found, or -1 if it
// isn't valid JSON.

// space returns where the white space ends. A line end doesn't count as white space.
func space(b []byte, i int) int {
	if b[i] > ' ' { // most of the time; this is inlined
		return i
	}
	return spaces(b, i)
}

func spaces(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// quoted finds the end of a string behind its first quote.
func (f *finder) quoted(i int) (end int, escaped bool) {
	if here := f.marks.at(i); here != 0 { // most of the time; this is inlined
		i += bits.TrailingZeros64(here)
	} else {
		i = f.marks.next(f.b, i)
	}
	if f.b[i] == '"' {
		return i + 1, false
	}
	return f.withEscapes(i)
}

// withEscapes is quoted from the first byte on that is marked and is no quote.
func (f *finder) withEscapes(i int) (end int, escaped bool) {
	for {
		switch f.b[i] {
		case '"':
			return i + 1, true
		case '\\':
			if i = escape(f.b, i+1); i < 0 {
				return -1, false
			}
		default: // a control character
			return -1, false
		}
		i = f.marks.next(f.b, i)
	}
}

// escape finds the end of an escape behind its backslash.
func escape(b []byte, i int) int {
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := i + 4; i < n; {
			i++
			if hex(b[i]) < 0 {
				return -1
			}
		}
		return i + 1
	}
	return -1
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// boolean finds the end of true or false.
func boolean(b []byte, i int) int {
	if b[i] == 't' {
		return literal(b, i, "true")
	}
	return literal(b, i, "false")
}

func literal(b []byte, i int, word string) int {
	for k := range len(word) {
		if b[i+k] != word[k] {
			return -1
		}
	}
	return i + len(word)
}

func number(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if b[i] == '0' {
		i++
	} else if i = digitsEnd(b, i); i < 0 {
		return -1
	}
	if b[i] == '.' {
		if i = digitsEnd(b, i+1); i < 0 {
			return -1
		}
	}
	if b[i] == 'e' || b[i] == 'E' {
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		return digitsEnd(b, i)
	}
	return i
}

// digitsEnd finds the end of one or more digits. It looks at eight bytes at a time.
func digitsEnd(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for from := i; ; i += 8 {
		values := binary.LittleEndian.Uint64(b[i:]) ^ '0'*ones // of a digit: 0 to 9
		// The high bit of each byte that is no digit; those above the lowest of them may be wrong.
		if others := (values + (0x80-10)*ones | values) & highs; others != 0 {
			if i += bits.TrailingZeros64(others) / 8; i == from {
				return -1
			}
			return i
		}
	}
}

// unquote appends what a valid string without its quotes means, as encoding/json does: what is no
// UTF-8 or no UTF-16 becomes U+FFFD.
func unquote(to, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			r, n := utf8.DecodeRune(s[i:])
			to = utf8.AppendRune(to, r)
			i += n
			continue
		}
		switch c := s[i+1]; c {
		case 'u':
			r := utf16Unit(s[i:])
			i += 6
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if i+6 <= len(s) && s[i] == '\\' && s[i+1] == 'u' {
					pair = utf16.DecodeRune(r, utf16Unit(s[i:]))
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			to = utf8.AppendRune(to, r)
			continue
		case 'b':
			to = append(to, '\b')
		case 'f':
			to = append(to, '\f')
		case 'n':
			to = append(to, '\n')
		case 'r':
			to = append(to, '\r')
		case 't':
			to = append(to, '\t')
		default:
			to = append(to, c)
		}
		i += 2
	}
	return to
}

// utf16Unit is the unit of an escape, which has four hexadecimal digits.
func utf16Unit(s []byte) (unit rune) {
	for _, c := range s[2:6] {
		unit = unit<<4 | rune(hex(c))
	}
	return unit
}
