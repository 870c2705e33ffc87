package count

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
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
// in order. Its zero value is empty. It has no pointers but two, so that the garbage
// collector needn't look at each word.
type Ranking struct {
	words []ranked
	texts []byte // of all words, one after the other
}

// ranked words are mostly told apart without a look at their texts.
type ranked struct {
	n     uint64
	first uint64 // the first bytes of the word, the first of all in the highest byte
	text  uint64 // where in texts the word begins, and in the lowest sizeBits its size
}

const (
	rankedSize = int(unsafe.Sizeof(ranked{}))
	sizeBits   = 21 // enough for MaxWord
)

// Add adds what a table holds.
func (r *Ranking) Add(t *Table) {
	r.words, r.texts = makeRoom(r.words, t.Len()), makeRoom(r.texts, t.Text())
	for w, n := range t.All() {
		var b [8]byte
		copy(b[:], w)
		r.words = append(r.words, ranked{n, binary.BigEndian.Uint64(b[:]), uint64(len(r.texts))<<sizeBits | uint64(len(w))})
		r.texts = append(r.texts, w...)
	}
}

// makeRoom makes room for n more elements. If there isn't enough, it makes a little more, because the
// next table that comes in the place of this one is about as large.
func makeRoom[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return slices.Grow(s, n+n/16)
}

func (r *Ranking) word(w *ranked) []byte { return r.texts[w.text>>sizeBits:][:w.text&(1<<sizeBits-1)] }

// Len returns the number of words.
func (r *Ranking) Len() int { return len(r.words) }

// Bytes returns the memory that the ranking takes, in bytes.
func (r *Ranking) Bytes() int { return cap(r.texts) + cap(r.words)*rankedSize }

// Sort puts the words in order: by descending count, those of equal count in the order of their
// bytes.
func (r *Ranking) Sort() {
	slices.SortFunc(r.words, func(a, b ranked) int {
		switch {
		case a.n != b.n:
			return cmp.Compare(b.n, a.n)
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		}
		return bytes.Compare(r.word(&a), r.word(&b))
	})
}

// At returns the i-th word, from 0.
func (r *Ranking) At(i int) Entry {
	return Entry{string(r.word(&r.words[i])), r.words[i].n}
}

// All yields the words from the first to the last, and never an error. It has the form of MergeSorted.
func (r *Ranking) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for i := range r.Len() {
			if !yield(r.At(i), nil) {
				return
			}
		}
	}
}

// Descending returns the words of the table in the order of Ranking.Sort.
func (t *Table) Descending() []Entry {
	var r Ranking
	r.Add(t)
	r.Sort()
	entries := make([]Entry, r.Len())
	for i := range entries {
		entries[i] = r.At(i)
	}
	return entries
}
