package count

// spaces returns a bit for each of the 64 bytes at b[at:] that belongs to a
// white space. Two bytes on either side of them are looked at.
func spaces(b []byte, at int) (m uint64) {
	for i := max(at-2, 0); i < min(at+64, len(b)); i++ {
		if n := space(b[i:]); n > 0 {
			w := uint64(1)<<n - 1
			if i < at {
				m |= w >> (at - i)
			} else {
				m |= w << (i - at)
			}
		}
	}
	return m
}

// space returns the length of the white space at the beginning of b, or 0.
func space(b []byte) int {
	switch c := b[0]; {
	case c == ' ' || c-'\t' < 5:
		return 1
	case c == 0xC2 && len(b) > 1 && (b[1] == 0x85 || b[1] == 0xA0): // U+0085, U+00A0
		return 2
	case c < 0xE1 || c > 0xE3 || len(b) < 3:
		return 0
	case c == 0xE1 && b[1] == 0x9A && b[2] == 0x80, // U+1680
		c == 0xE2 && b[1] == 0x80 && (b[2]-0x80 <= 0x0A || b[2] == 0xA8 || b[2] == 0xA9 || b[2] == 0xAF), // U+2000-200A, 2028, 2029, 202F
		c == 0xE2 && b[1] == 0x81 && b[2] == 0x9F,                                                        // U+205F
		c == 0xE3 && b[1] == 0x80 && b[2] == 0x80:                                                        // U+3000
		return 3
	}
	return 0
}
