package count

import (
	"encoding/binary"
	"hash/maphash"
)

// longs is the table of the words that are too long for a key: open addressing,
// in small slots that point to records in an arena.
type longs struct {
	seed  maphash.Seed
	slots []slot // a power of two of them
	n     int    // words
	text  int    // bytes of them

	// The arena: records, one after the other, in chunks that never move. A
	// record is its word's count in 8 bytes, its length in 4, the word, and
	// nothing up to a multiple of 8.
	chunks [][]byte // of arenaChunk bytes
	used   int      // chunks that hold records

	fetched uint64 // keeps the compiler from leaving out the loads of fetch
}

// A slot is 8 bytes, so that the first few slots that a search tries are mostly in one cache line.
type slot struct {
	hash uint32 // the lowest bits of it: enough to find the slot and, nearly always, to tell words apart
	at   uint32 // where the record is, in units of 8 bytes, plus 1; 0: free
}

const (
	minSlots   = 256
	slotSize   = 8
	header     = 12 // of a record
	arenaChunk = 2 * MaxWord
)

func (l *longs) hash(word []byte) uint64 { return maphash.Bytes(l.seed, word) }

func makeSlots(n int) []slot {
	slots := make([]slot, n)
	hugePages(slots)
	return slots
}

// fits tells whether there is room for n more words. At most half the slots are used.
func (l *longs) fits(n int) bool { return l.n+n <= len(l.slots)/2 }

// reserve makes room for n more words.
func (l *longs) reserve(n int) {
	for !l.fits(n) {
		old := l.slots
		l.slots = makeSlots(2 * len(old))
		mask := uint32(len(l.slots) - 1)
		for _, s := range old {
			if s.at > 0 {
				i := s.hash & mask
				for l.slots[i].at > 0 {
					i = (i + 1) & mask
				}
				l.slots[i] = s
			}
		}
	}
}

// fetch brings what the words of these hashes need into the cache. The loads of
// a loop don't depend on each other, so that many are under way at once.
func (l *longs) fetch(hashes []uint64) {
	var at [batchSize]uint32
	mask := uint64(len(l.slots) - 1)
	for i, h := range hashes {
		at[i%batchSize] = l.slots[h&mask].at
	}
	for _, at := range at[:len(hashes)] {
		if at > 0 {
			l.fetched += uint64(l.record(at)[header])
		}
	}
}

// add adds n more of word, for which there is room.
func (l *longs) add(word []byte, hash, n uint64) {
	mask := uint32(len(l.slots) - 1)
	for i := uint32(hash) & mask; ; i = (i + 1) & mask {
		s := &l.slots[i]
		if s.at == 0 {
			*s = slot{uint32(hash), l.keep(word, n)}
			l.n++
			l.text += len(word)
			return
		}
		if s.hash == uint32(hash) {
			r := l.record(s.at)
			if string(word) == string(recorded(r)) {
				binary.LittleEndian.PutUint64(r, binary.LittleEndian.Uint64(r)+n)
				return
			}
		}
	}
}

func recorded(r []byte) []byte { return r[header:][:binary.LittleEndian.Uint32(r[8:])] }

// record returns the record at a place, and what is after it.
func (l *longs) record(at uint32) []byte {
	at--
	return l.chunks[at/(arenaChunk/8)][at%(arenaChunk/8)*8:]
}

// keep makes a record and returns its place.
func (l *longs) keep(word []byte, n uint64) (at uint32) {
	size := (header + len(word) + 7) &^ 7
	if l.used == 0 || len(l.chunks[l.used-1])+size > arenaChunk {
		if l.used == len(l.chunks) {
			l.chunks = append(l.chunks, make([]byte, 0, arenaChunk))
		}
		l.used++
	}
	c := &l.chunks[l.used-1]
	start := len(*c)
	*c = (*c)[:start+size]
	r := (*c)[start:]
	binary.LittleEndian.PutUint64(r, n)
	binary.LittleEndian.PutUint32(r[8:], uint32(len(word)))
	copy(r[header:], word)
	return uint32((l.used-1)*arenaChunk/8+start/8) + 1
}

// all yields the words in the order in which they came.
func (l *longs) all(yield func([]byte, uint64) bool) bool {
	for _, c := range l.chunks[:l.used] {
		for len(c) > 0 {
			w := recorded(c)
			if !yield(w[:len(w):len(w)], binary.LittleEndian.Uint64(c)) {
				return false
			}
			c = c[(header+len(w)+7)&^7:]
		}
	}
	return true
}

// reset empties the table; see shorts.reset.
func (l *longs) reset() {
	if len(l.slots) > minSlots && l.n < len(l.slots)/2/8 {
		l.slots = makeSlots(len(l.slots) / 2)
	} else {
		clear(l.slots)
	}
	l.n, l.text = 0, 0
	if len(l.chunks) > 1 && 8*l.used < len(l.chunks) {
		half := len(l.chunks) / 2
		clear(l.chunks[half:]) // for the garbage collector
		l.chunks = l.chunks[:half]
	}
	for i := range l.chunks {
		l.chunks[i] = l.chunks[i][:0]
	}
	l.used = 0
}
