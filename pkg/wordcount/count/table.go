package count

import (
	"hash/maphash"
	"iter"
	"unsafe"
)

// A Table counts words. It must come from New, and isn't safe for concurrent
// use. All its memory is the garbage collector's: there is nothing to close.
type Table struct {
	short  shorts
	long   longs
	tokens uint64

	batch batch
	scan  scan
}

// New returns an empty table.
func New() *Table { return seeded(newSeed()) }

func seeded(s seed) *Table {
	return &Table{
		short: shorts{seed: s, lines: makeLines(minLines)},
		long:  longs{seed: maphash.MakeSeed(), slots: makeSlots(minSlots)},
	}
}

// Add adds n more of word, which has 1 to MaxWord bytes.
func (t *Table) Add(word []byte, n uint64) {
	switch {
	case len(word) == 0 || len(word) > MaxWord:
		panic("count: Add of a word that is empty or longer than MaxWord")
	case n == 0:
	case len(word) <= maxShort:
		k := makeKey(word)
		t.short.reserve(1)
		t.short.add(k, t.short.seed.mix(k), n)
	default:
		t.long.reserve(1)
		t.long.add(word, t.long.hash(word), n)
	}
	t.tokens += n
}

// Len returns the number of distinct words.
func (t *Table) Len() int { return t.short.n + t.long.n }

// Text returns how many bytes the distinct words have.
func (t *Table) Text() int { return t.short.text + t.long.text }

// Tokens returns the sum of all counts.
func (t *Table) Tokens() uint64 { return t.tokens }

// Bytes returns the memory that the table holds, in bytes: 30 to 60 for each
// distinct word, more for long ones. A table that is full is doubled, and for a moment both
// are held.
func (t *Table) Bytes() int {
	return int(unsafe.Sizeof(*t)) + cap(t.scan.buf) +
		len(t.short.lines)*lineSize + len(t.long.slots)*slotSize + len(t.long.chunks)*arenaChunk
}

// Need returns the memory that the table may hold while it takes n more words, in
// bytes. Bytes returns what it holds now. Where there are long words, Need has room for
// three more chunks of them, whatever n is.
func (t *Table) Need(n int) int {
	need := t.Bytes()
	if !t.short.fits(n) {
		need += 2 * len(t.short.lines) * lineSize
	}
	if !t.long.fits(n) {
		need += 2 * len(t.long.slots) * slotSize
	}
	if t.long.n > 0 {
		need += 3 * arenaChunk
	}
	return need
}

// Reset empties the table. It keeps its memory, but after a big text, little
// ones in a row make it smaller step by step: a Reset costs about as much as
// what was counted since the last one.
func (t *Table) Reset() {
	t.short.reset()
	t.long.reset()
	t.tokens = 0
}

// All yields every word with its count, in no particular order. A word is valid
// only during its step; the table must not be changed meanwhile.
func (t *Table) All() iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		_ = t.short.all(yield) && t.long.all(yield)
	}
}
