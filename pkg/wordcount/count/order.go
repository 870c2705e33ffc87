package count

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// An Entry is a word and its count.
type Entry struct {
	Word string
	N    uint64
}

// Descending returns the words by descending count, those of equal count in the
// order of their bytes.
func (t *Table) Descending() []Entry {
	size := 0
	for w := range t.All() {
		size += len(w)
	}
	var all strings.Builder // one string for all words
	all.Grow(size)

	// Most words are told apart without a look at the string.
	type ranked struct {
		n     uint64
		first uint64 // the first bytes of the word, the first of all in the highest byte
		word  string
	}
	rank := make([]ranked, 0, t.Len())
	for w, n := range t.All() {
		var b [8]byte
		copy(b[:], w)
		at := all.Len()
		all.Write(w)
		rank = append(rank, ranked{n, binary.BigEndian.Uint64(b[:]), all.String()[at:]})
	}
	slices.SortFunc(rank, func(a, b ranked) int {
		switch {
		case a.n != b.n:
			return cmp.Compare(b.n, a.n)
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		}
		return strings.Compare(a.word, b.word)
	})
	entries := make([]Entry, len(rank))
	for i, r := range rank {
		entries[i] = Entry{r.word, r.n}
	}
	return entries
}
