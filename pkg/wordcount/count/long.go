package count

// longs is the table of words that are too long for a key: open addressing by
// hash, the words themselves in an arena.
type longs struct {
	slots []slot // a power of two of them
	n     int    // words
	arena arena
}

type slot struct {
	hash uint64
	n    uint64
	at   uint64 // where the word is in the arena
	size uint64 // of the word; 0: free
}

const (
	slotSize = 32
	minSlots = 128
)

func makeSlots(n int) []slot {
	slots := make([]slot, n)
	hugePages(slots)
	return slots
}

// reserve makes room for n more words. At most half the slots are used.
func (l *longs) reserve(n int) {
	for l.n+n > len(l.slots)/2 {
		old := l.slots
		l.slots = makeSlots(2 * len(old))
		mask := uint64(len(l.slots) - 1)
		for _, s := range old {
			if s.size > 0 {
				i := s.hash & mask
				for l.slots[i].size > 0 {
					i = (i + 1) & mask
				}
				l.slots[i] = s
			}
		}
	}
}

// add adds n more of word, for which there is room.
func (l *longs) add(word []byte, hash, n uint64) {
	mask := uint64(len(l.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &l.slots[i]
		switch {
		case s.size == 0:
			*s = slot{hash, n, l.arena.add(word), uint64(len(word))}
			l.n++
			return
		case s.hash == hash && s.size == uint64(len(word)) && string(l.word(s)) == string(word):
			s.n += n
			return
		}
	}
}

func (l *longs) word(s *slot) []byte { return l.arena.get(s.at, s.size) }

func (l *longs) all(yield func([]byte, uint64) bool) bool {
	for i := range l.slots {
		if s := &l.slots[i]; s.size > 0 && !yield(l.word(s), s.n) {
			return false
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
	l.n = 0
	l.arena.reset()
}

// An arena keeps bytes, one after the other, in chunks that never move.
type arena struct {
	chunks [][]byte // of arenaChunk bytes
	used   int      // chunks that hold bytes
}

const arenaChunk = MaxWord // so that every word fits into one

// add keeps b, and returns where.
func (a *arena) add(b []byte) (at uint64) {
	if a.used == 0 || len(a.chunks[a.used-1])+len(b) > arenaChunk {
		if a.used == len(a.chunks) {
			a.chunks = append(a.chunks, make([]byte, 0, arenaChunk))
		}
		a.used++
	}
	c := &a.chunks[a.used-1]
	at = uint64(a.used-1)*arenaChunk + uint64(len(*c))
	*c = append(*c, b...)
	return at
}

func (a *arena) get(at, size uint64) []byte {
	at, c := at%arenaChunk, a.chunks[at/arenaChunk]
	return c[at : at+size : at+size]
}

func (a *arena) reset() {
	if a.used < len(a.chunks)/8 {
		clear(a.chunks[len(a.chunks)/2:])
		a.chunks = a.chunks[:len(a.chunks)/2]
	}
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.used = 0
}
