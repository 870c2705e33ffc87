package count

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"
)

// An Entry is a word and its count.
type Entry struct {
	Word string
	N    uint64
}

// Before reports whether e comes before o in the order of a result: by descending count, those of equal
// count in the order of their bytes.
func (e Entry) Before(o Entry) bool {
	if e.N != o.N {
		return e.N > o.N
	}
	return e.Word < o.Word
}

// A Ranking gathers the words of tables that have no word in common, to be put
// in order. Its zero value is empty.
type Ranking struct {
	words  []ranked
	bytes  int // of their texts
	tokens uint64
}

// ranked words are mostly told apart without a look at the string.
type ranked struct {
	n     uint64
	first uint64 // the first bytes of the word, the first of all in the highest byte
	word  string
}

// Add adds what a table holds.
func (r *Ranking) Add(t *Table) {
	size := 0
	for w := range t.All() {
		size += len(w)
	}
	r.words = slices.Grow(r.words, t.Len())
	var texts strings.Builder // one string for all words
	texts.Grow(size)
	for w, n := range t.All() {
		var b [8]byte
		copy(b[:], w)
		at := texts.Len()
		texts.Write(w)
		r.words = append(r.words, ranked{n, binary.BigEndian.Uint64(b[:]), texts.String()[at:]})
	}
	r.bytes += size
	r.tokens += t.Tokens()
}

// Tokens returns the sum of all counts.
func (r *Ranking) Tokens() uint64 { return r.tokens }

// Bytes returns the memory that the ranking takes, in bytes, with the entries of
// Descending.
func (r *Ranking) Bytes() int {
	return r.bytes + cap(r.words)*int(unsafe.Sizeof(ranked{})) + len(r.words)*int(unsafe.Sizeof(Entry{}))
}

// Descending returns the words by descending count, those of equal count in the
// order of their bytes.
func (r *Ranking) Descending() []Entry {
	slices.SortFunc(r.words, func(a, b ranked) int {
		switch {
		case a.n != b.n:
			return cmp.Compare(b.n, a.n)
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		}
		return strings.Compare(a.word, b.word)
	})
	entries := make([]Entry, len(r.words))
	for i, w := range r.words {
		entries[i] = Entry{w.word, w.n}
	}
	return entries
}

// Descending is that of a Ranking of this table alone.
func (t *Table) Descending() []Entry {
	var r Ranking
	r.Add(t)
	return r.Descending()
}
