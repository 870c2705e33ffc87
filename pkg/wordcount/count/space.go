package count

import (
	"encoding/binary"
	"math/bits"
)

// White space is found by its bytes alone: in UTF-8 a first byte is never a
// later one, so the bytes of a white space mean it wherever they stand, after
// invalid bytes too. These are all of them:
//
//	09-0D 20                      U+0009-000D, U+0020
//	C2 85, C2 A0                  U+0085, U+00A0
//	E1 9A 80                      U+1680
//	E2 80 80-8A, E2 80 A8 A9 AF   U+2000-200A, U+2028, U+2029, U+202F
//	E2 81 9F                      U+205F
//	E3 80 80                      U+3000
//
// spaces finds the first row, because nearly all text needs no other, and says
// where the first bytes of the others are; widen looks at those.

// wide returns the number of bytes, 2 or 3, of the white space that begins b,
// or 0. It has 3 bytes to look at.
func wide(b []byte) int {
	b = b[:3]
	switch {
	case b[0] == 0xC2 && (b[1] == 0x85 || b[1] == 0xA0):
		return 2
	case b[0] == 0xE1 && b[1] == 0x9A && b[2] == 0x80,
		b[0] == 0xE2 && b[1] == 0x80 && (b[2] >= 0x80 && b[2] <= 0x8A || b[2] == 0xA8 || b[2] == 0xA9 || b[2] == 0xAF),
		b[0] == 0xE2 && b[1] == 0x81 && b[2] == 0x9F,
		b[0] == 0xE3 && b[1] == 0x80 && b[2] == 0x80:
		return 3
	}
	return 0
}

// widen adds to the masks the white space of several bytes that begins at the
// bytes in lead, and spill, the part in these blocks of one that began before.
// It returns the part that is in the block after them.
func widen(buf []byte, white, lead []uint64, spill uint64) uint64 {
	for i := range white {
		m := white[i] | spill
		spill = 0
		for l := lead[i]; l != 0; l &= l - 1 {
			x := bits.TrailingZeros64(l)
			w := uint64(1)<<wide(buf[i*block+x:]) - 1
			m |= w << x
			spill |= w >> (block - x)
		}
		white[i] = m
	}
	return spill
}

const ones, high = 0x0101010101010101, 0x8080808080808080 // a one, and the highest bit, in each byte

// spacesGo sets a bit in white for each byte of buf that is ASCII white space,
// and one in lead for each that is C2, E1, E2 or E3; it tells whether there are
// any of the latter.
//
// It does eight bytes at once. With the highest bits taken off, adding 80-k to a
// byte leaves its highest bit set if it was k or more, and carries nothing over.
func spacesGo(buf []byte, white, lead []uint64) bool {
	some := uint64(0)
	for i := range white {
		b := buf[i*block:][:block]
		w, l := uint64(0), uint64(0)
		for j := 0; j < block; j += 8 {
			x := binary.LittleEndian.Uint64(b[j:])
			y := x &^ high
			ctrl := (y + (0x80-0x09)*ones) &^ (y + (0x80-0x0E)*ones)
			blank := ^((y ^ 0x20*ones) + 0x7F*ones)
			w |= gather((ctrl|blank)&^x) << j
			if x&high != 0 {
				three := (y + (0x80-0x61)*ones) &^ (y + (0x80-0x64)*ones)
				two := ^((y ^ 0x42*ones) + 0x7F*ones)
				l |= gather((three|two)&x) << j
			}
		}
		white[i], lead[i] = w, l
		some |= l
	}
	return some != 0
}

// gather collects the highest bits of eight bytes in the lowest byte.
func gather(x uint64) uint64 {
	return (x & high >> 7) * 0x0102040810204080 >> 56
}
