package count

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// portably runs a test without the assembly.
func portably(t *testing.T, test func(*testing.T)) {
	t.Run("portable", func(t *testing.T) {
		defer func(was bool) { simd = was }(simd)
		simd = false
		test(t)
	})
}

func TestPortable(t *testing.T) {
	portably(t, TestSplitsAddUpToFields)
	portably(t, TestSplitsOfABigText)
	portably(t, TestCountsBeyond32Bits)
	portably(t, TestGrowthAndReset)
	portably(t, TestPackIsDeterministic)
}

// FuzzKernels compares each kernel with its specification.
func FuzzKernels(f *testing.F) {
	if !simd {
		f.Skip("no AVX2")
	}
	for i, text := range texts {
		f.Add([]byte(text), uint64(i))
	}
	f.Add(binary.LittleEndian.AppendUint64(nil, ^uint64(0)), uint64(1))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		blocks := min(len(text)/block+1, group)
		buf := append(slices.Clone(text), make([]byte, slack)...)

		var white, lead, wantWhite, wantLead [group]uint64
		any := spaces(buf, white[:blocks], lead[:])
		if wantAny := spacesGo(buf, wantWhite[:blocks], wantLead[:]); any != wantAny || white != wantWhite || lead != wantLead {
			t.Fatalf("spaces: %v %x %x, want %v %x %x", any, white, lead, wantAny, wantWhite, wantLead)
		}

		// A mask of the text, and one that has edges where a text hasn't.
		r := rand.New(rand.NewPCG(seed, 0))
		odd := white
		for i := range odd[:blocks] {
			odd[i] = r.Uint64() & r.Uint64() >> r.Uint64N(64)
		}
		for _, m := range [][]uint64{odd[:blocks], white[:blocks]} {
			var edges, want [group*block + 8]uint32
			n, last := cut(m, uint32(seed), seed&1, edges[:])
			wantN, wantLast := cutGo(m, uint32(seed), seed&1, want[:])
			if n != wantN || last != wantLast || !slices.Equal(edges[:n], want[:n]) {
				t.Fatalf("cut of %x: %d %d %v, want %d %d %v", m, n, last, edges[:n], wantN, wantLast, want[:n])
			}
		}

		// The text's words, in a table that holds only some of them.
		var edges [group*block + 8]uint32
		white[blocks-1] |= ^uint64(0) << (len(text) % block)
		n, _ := cut(white[:blocks], 0, 1, edges[:])
		n = min(n&^1, 2*batchSize)
		if n == 0 {
			return
		}
		var b, want batch
		table := shorts{lines: make([]line, 4)}
		shorts, longs := hash(&b, buf, edges[:n], table.lines)
		wantShorts, wantLongs := hashGo(&want, buf, edges[:n], table.lines)
		if shorts != wantShorts || longs != wantLongs || !slices.Equal(b.short[:shorts], want.short[:shorts]) || !slices.Equal(b.long[:longs], want.long[:longs]) {
			t.Fatalf("hash: %d %v, want %d %v", shorts, b.short[:shorts], wantShorts, want.short[:wantShorts])
		}
		for i, w := range b.short[:shorts] {
			if r.IntN(8) > 0 && table.n < 11 {
				table.add(w.key, w.home, 1<<32-1-r.Uint64N(3)*uint64(i))
			}
		}
		lines := slices.Clone(table.lines)
		for i := 0; i < shorts; i++ {
			next, wantNext := tally(&b, i, shorts, table.lines), tallyGo(&b, i, shorts, lines)
			if next != wantNext || !slices.Equal(table.lines, lines) {
				t.Fatalf("tally from %d: %d %v, want %d %v", i, next, table.lines, wantNext, lines)
			}
			i = next
		}
	})
}
