package count

import "encoding/binary"

// maxShort is the longest word, in bytes, that has a place in a line.
const maxShort = 15

// A key is a word of 1 to maxShort bytes, the first in the lowest byte of lo,
// padded with zeros, and its length in the highest byte of hi. No word has the
// key of zeros: it marks a free place.
type key struct{ lo, hi uint64 }

// A line is a cache line of three words. Keys and counts are apart, so that the
// load of a key need not wait for the store of a count just made.
type line struct {
	key [3]key
	n   [4]uint32 // the last stays 0
}

const lineSize = 64

// fit[n] makes a key of the 16 bytes from the start of a word of n bytes, by an
// AND with mask and an OR with size.
var fit = func() (f [16]struct{ mask, size key }) {
	for n := range f {
		f[n].mask.lo = 1<<(8*min(n, 8)) - 1
		f[n].mask.hi = 1<<(8*max(n-8, 0)) - 1
		f[n].size.hi = uint64(n) << 56
	}
	return f
}()

func makeKey(word []byte) key {
	var b [16]byte
	b[maxShort] = byte(copy(b[:maxShort], word))
	return key{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}

// bytes writes the key's word to b, and returns that part of it.
func (k key) bytes(b *[16]byte) []byte {
	binary.LittleEndian.PutUint64(b[:8], k.lo)
	binary.LittleEndian.PutUint64(b[8:], k.hi)
	return b[:k.hi>>56]
}

// find returns which of a line's keys is k, or 3. Which it is can't be predicted: no
// branches.
func (l *line) find(k *key) uint64 {
	no := differ(&l.key[0], k)
	x := no
	no &= differ(&l.key[1], k)
	x += no
	no &= differ(&l.key[2], k)
	return x + no
}

// differ is 1 if the keys differ, else 0.
func differ(a, b *key) uint64 {
	d := (a.lo ^ b.lo) | (a.hi ^ b.hi)
	return (d | -d) >> 63
}
