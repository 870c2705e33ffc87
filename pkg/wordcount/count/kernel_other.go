//go:build !amd64

package count

func (s *seed) mix(k key) uint64 { return s.mixGo(k) }

func spaces(buf []byte, white, lead []uint64) bool { return spacesGo(buf, white, lead) }

func cut(white []uint64, at uint32, last uint64, edges []uint32) (int, uint64) {
	return cutGo(white, at, last, edges)
}

func hash(b *batch, buf []byte, edges []uint32, lines []line, s *seed) (shorts, longs int) {
	return hashGo(b, buf, edges, lines, s)
}

func tally(b *batch, i, n int, lines []line) int { return tallyGo(b, i, n, lines) }
