package count

// addAll adds the words of buf that start and end at the given edges. It stops
// at a word longer than MaxWord, and returns the index of its first edge, else
// -1. Buf has 16 readable bytes from the start of every word.
func (t *Table) addAll(buf []byte, edges []uint32) int {
	t.tokens += uint64(len(edges) / 2)
	b := &t.batch
	for done := 0; done < len(edges); {
		batch := edges[done:min(done+2*batchSize, len(edges))]
		shorts, longs := t.prepare(buf, batch)
		for i := tally(b, 0, shorts, t.short.lines); i < shorts; i = tally(b, i+1, shorts, t.short.lines) {
			t.short.add(b.short[i].key, b.short[i].home, 1)
		}
		for i, e := range b.long[:longs] {
			if batch[e+1]-batch[e] > MaxWord {
				return done + int(e)
			}
			t.long.add(buf[batch[e]:batch[e+1]], b.hash[i], 1)
		}
		done += len(batch)
	}
	return -1
}

// prepare hashes a batch, makes room for its words, and has what they need
// fetched into the cache.
func (t *Table) prepare(buf []byte, edges []uint32) (shorts, longs int) {
	b := &t.batch
	t.short.reserve(len(edges) / 2)
	shorts, longs = hash(b, buf, edges, t.short.lines, &t.short.seed)
	for i, e := range b.long[:longs] {
		b.hash[i] = t.long.hash(buf[edges[e]:edges[e+1]])
	}
	t.long.reserve(longs)
	t.long.fetch(b.hash[:longs])
	return shorts, longs
}
