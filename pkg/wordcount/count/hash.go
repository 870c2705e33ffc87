package count

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// A seed decides where the short words of a table lie. Every table draws its own,
// so that nobody can write a text whose words meet in a few lines. The long words
// have hash/maphash, whose seed is as secret.
type seed [4]uint64

func newSeed() (s seed) {
	var b [8 * len(s)]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return s
}

// mixGo hashes a key. The assembly has another hash, mixAES, which would be slow
// here. A table has one or the other.
//
// One multiplication isn't enough, though its factors are secret: of keys that have
// the same hi it makes multiples of one number. They lie evenly for most numbers,
// but in heaps for one in fifty. The second multiplication takes the two halves of
// the first product, and what comes of even steps then is not even any more.
func (s *seed) mixGo(k key) uint64 {
	hi, lo := bits.Mul64(k.lo^s[0], k.hi^s[1])
	hi, lo = bits.Mul64(lo^s[2], hi^s[3])
	return hi ^ lo
}
