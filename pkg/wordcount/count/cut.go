package count

import "math/bits"

// cutGo writes the positions where words start and end, in turn, to edges, and
// returns how many. The first of the blocks is at position at; bit 0 of last
// says whether the byte before it is white, and so does the one returned for
// the last byte of all. It may write up to eight positions too many.
//
// An edge is where a byte is white and the one before it isn't, or the other
// way round.
func cutGo(white []uint64, at uint32, last uint64, edges []uint32) (int, uint64) {
	n := 0
	for _, m := range white {
		x := m ^ (m<<1 | last)
		last = m >> 63
		// Eight at a time, because the number of edges is hard to predict.
		for c := bits.OnesCount64(x); c > 0; c -= 8 {
			e := edges[n:][:8]
			for i := range e {
				e[i] = at + uint32(bits.TrailingZeros64(x))
				x &= x - 1
			}
			n += min(c, 8)
		}
		at += block
	}
	return n, last
}
