package count

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// A Table counts words. It isn't safe for concurrent use.
type Table struct {
	words  map[string]uint64
	tokens uint64
	bytes  int
	buf    []byte
}

// New returns an empty table.
func New() *Table { return &Table{words: map[string]uint64{}} }

// Add adds n more of word, which has 1 to MaxWord bytes.
func (t *Table) Add(word []byte, n uint64) {
	if len(word) == 0 || len(word) > MaxWord {
		panic("count: a word has 1 to MaxWord bytes")
	}
	if n == 0 {
		return
	}
	c, ok := t.words[string(word)]
	if !ok {
		t.bytes += len(word) + 64
	}
	t.words[string(word)] = c + n
	t.tokens += n
}

// Len returns the number of distinct words.
func (t *Table) Len() int { return len(t.words) }

// Tokens returns the sum of all counts.
func (t *Table) Tokens() uint64 { return t.tokens }

// Bytes returns the memory that the table holds.
func (t *Table) Bytes() int { return t.bytes + len(t.buf) }

// Reset empties the table and keeps its memory for the next words.
func (t *Table) Reset() {
	clear(t.words)
	t.tokens, t.bytes = 0, 0
}

// All yields every word with its count, in no particular order. A word is valid
// only until the next one.
func (t *Table) All() iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		for w, n := range t.words {
			if !yield([]byte(w), n) {
				return
			}
		}
	}
}

// An Entry is a word and its count.
type Entry struct {
	Word string
	N    uint64
}

// Descending returns the words by descending count, and words of equal count in
// the order of their bytes.
func (t *Table) Descending() []Entry {
	all := make([]Entry, 0, t.Len())
	for w, n := range t.All() {
		all = append(all, Entry{string(w), n})
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Word, b.Word))
	})
	return all
}
