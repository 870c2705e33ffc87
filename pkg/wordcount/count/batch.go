package count

import "encoding/binary"

// batchSize words are hashed before they are looked up: enough of them to hide
// the memory's latency, few enough for their lines to stay in the first cache.
const batchSize = 128

// A batch holds words between hashing and looking up.
type batch struct {
	short [batchSize]hashed
	long  [batchSize]uint32 // index of the word's first edge
	hash  [batchSize]uint64 // of the long ones

	fetched uint32 // keeps the compiler from leaving out a load
}

type hashed struct {
	key  key
	home uint64 // where its line begins, in bytes from the first
	_    uint64 // 32 bytes are easier to index
}

// hashGo puts the words that fit into a key into b.short, and lists the others in
// b.long. It has the lines of the former fetched into the cache.
func hashGo(b *batch, buf []byte, edges []uint32, lines []line, s *seed) (shorts, longs int) {
	mask := uint64(len(lines)-1) * lineSize
	for i := 0; i+1 < len(edges); i += 2 {
		n := edges[i+1] - edges[i]
		if n > maxShort {
			b.long[longs%batchSize] = uint32(i)
			longs++
			continue
		}
		w, m := buf[edges[i]:][:16], &fit[n%16]
		k := key{binary.LittleEndian.Uint64(w) & m.mask.lo, binary.LittleEndian.Uint64(w[8:])&m.mask.hi | m.size.hi}
		b.short[shorts%batchSize] = hashed{key: k, home: s.mixGo(k) & mask}
		shorts++
	}
	// In a loop of its own, because only so many instructions can be under way.
	fetched := uint32(0)
	for i := range b.short[:shorts] {
		fetched |= lines[b.short[i].home/lineSize].n[3]
	}
	b.fetched = fetched
	return shorts, longs
}

// tallyGo counts the words b.short[i:n] up to one that isn't in its home line,
// or whose count is full, and returns its index, or n.
func tallyGo(b *batch, i, n int, lines []line) int {
	for ; i < n; i++ {
		w := &b.short[i%batchSize]
		l := &lines[w.home/lineSize]
		x := l.find(&w.key)
		c := &l.n[x%4]
		if x == 3 || *c == 1<<32-1 {
			return i
		}
		*c++
	}
	return i
}
