package count

// Words are words that wait to be added to a table. To add them together is much faster than one by
// one. The zero value is ready.
type Words struct {
	buf   []byte
	edges []uint32 // as in scan
}

const (
	waitingWords = 8 * batchSize
	waitingBytes = 16 << 10 // with the edges, they stay in the first cache
	keptBytes    = 64 << 10 // what a buffer keeps; a long word makes it larger
)

// Add adds a word, which has 1 to MaxWord bytes, and isn't kept. It reports whether there are enough
// words for Table.AddWords.
func (w *Words) Add(word []byte) (enough bool) {
	if len(word) == 0 || len(word) > MaxWord {
		panic("count: Add of a word that is empty or longer than MaxWord")
	}
	start := len(w.buf)
	w.buf = append(w.buf, word...)
	w.edges = append(w.edges, uint32(start), uint32(len(w.buf)))
	return len(w.edges) >= 2*waitingWords || len(w.buf) >= waitingBytes
}

// AddWords counts each of the words once more, and takes them out of words.
func (t *Table) AddWords(words *Words) {
	words.buf = append(words.buf, make([]byte, slack)...)
	t.addAll(words.buf, words.edges)
	if cap(words.buf) > keptBytes {
		words.buf = nil
	}
	words.buf, words.edges = words.buf[:0], words.edges[:0]
}
