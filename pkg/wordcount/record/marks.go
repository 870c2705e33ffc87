package record

import (
	"encoding/binary"
	"math/bits"
)

// marks say where in a text the bytes are that end a run of plain bytes in a JSON string: quotes,
// backslashes and control characters. They are found for a part of the text at a time, which stays in
// the first cache. Then the end of a string takes no loop, whose end a CPU could not foresee.
type marks struct {
	from int // of the part in the text
	part [marked / 64]uint64
}

// marked is the number of bytes of a part.
const marked = 4096

// open begins a text, none of which is marked.
func (m *marks) open() { m.from = -marked }

// at returns the marks from i on, in the lowest bits. It has as many as are at hand, and may be 0.
func (m *marks) at(i int) uint64 {
	if at := uint(i - m.from); at < marked {
		return m.part[at/64] >> (at % 64)
	}
	return 0
}

// next returns where the first marked byte of b at or behind i is. There is one, and at least slack
// bytes of room follow it.
func (m *marks) next(b []byte, i int) int {
	for {
		if uint(i-m.from) >= marked {
			m.find(b, i)
		}
		if here := m.at(i); here != 0 {
			return i + bits.TrailingZeros64(here)
		}
		i += 64 - (i-m.from)%64
	}
}

// find marks the part that begins at i. What it marks behind the text means nothing.
func (m *marks) find(b []byte, i int) {
	m.from = i
	blocks := min((len(b)-i+63)/64, len(m.part))
	mark(b[i:i+64*blocks], m.part[:blocks])
}

// markGo sets a bit for each byte of the blocks of 64 bytes that is a quote, a backslash or a control
// character.
func markGo(text []byte, marks []uint64) {
	const ones, low, highs, gather = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080, 0x0102040810204080
	for n := range marks {
		var found uint64
		for k := 0; k < 64; k += 8 {
			eight := binary.LittleEndian.Uint64(text[64*n+k:])
			others := eight ^ '"'*ones
			here := ^(others&low + low | others)
			others = eight ^ '\\'*ones
			here |= ^(others&low + low | others)
			others = eight & (0xE0 * ones)
			here |= ^(others&low + low | others)
			found |= (here & highs >> 7 * gather >> 56) << k
		}
		marks[n] = found
	}
}
