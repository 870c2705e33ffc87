package count

import (
	"encoding/binary"
	"math/bits"
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
	portably(t, TestFault63CraftedWordsTakeNoMoreSteps)
	portably(t, TestFault63EveryTableHasAnOrderOfItsOwn)
}

// FuzzKernels compares each kernel with its specification.
func FuzzKernels(f *testing.F) {
	if !simd {
		f.Skip("no assembly")
	}
	for i, text := range texts {
		f.Add([]byte(text), uint64(i))
	}
	f.Add(binary.LittleEndian.AppendUint64(nil, ^uint64(0)), uint64(1))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		blocks := min(len(text)/block+1, group)
		buf := append(slices.Clone(text), make([]byte, slack)...)

		var white, lead, wantWhite, wantLead [group]uint64
		some := spaces(buf, white[:blocks], lead[:])
		if wantAny := spacesGo(buf, wantWhite[:blocks], wantLead[:]); some != wantAny || white != wantWhite || lead != wantLead {
			t.Fatalf("spaces: %v %x %x, want %v %x %x", some, white, lead, wantAny, wantWhite, wantLead)
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
		table := shorts{seed: seedOf(seed), lines: make([]line, 4)}
		shorts, longs := hash(&b, buf, edges[:n], table.lines, &table.seed)
		wantShorts, wantLongs := hashGo(&want, buf, edges[:n], table.lines, &table.seed)
		for i := range want.short[:wantShorts] {
			w := &want.short[i]
			mix := mixReference(&table.seed, w.key)
			if got := table.seed.mix(w.key); got != mix {
				t.Fatalf("mix of %x: %x, want %x", w.key, got, mix)
			}
			w.home = mix & (3 * lineSize)
		}
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

// mixReference is mixAES by the book, which is FIPS 197, "Advanced Encryption Standard".
func mixReference(s *seed, k key) uint64 {
	a, b := block16(s[0], s[1]), block16(s[2], s[3])
	state := block16(k.lo^s[0], k.hi^s[1])
	for _, key := range [][16]byte{b, a, b} {
		state = aesRound(state, key)
	}
	return binary.LittleEndian.Uint64(state[:])
}

func block16(lo, hi uint64) (b [16]byte) {
	binary.LittleEndian.PutUint64(b[:], lo)
	binary.LittleEndian.PutUint64(b[8:], hi)
	return b
}

// aesRound is SubBytes, ShiftRows, MixColumns and AddRoundKey.
func aesRound(state, key [16]byte) [16]byte {
	next := key
	for column := range 4 {
		for row := range 4 {
			s := sbox(state[(column+row)%4*4+row])
			for i := range 4 {
				next[column*4+i] ^= times([4]byte{2, 3, 1, 1}[(row-i+4)%4], s)
			}
		}
	}
	return next
}

func sbox(x byte) byte {
	inverse := byte(1)
	for range 254 {
		inverse = times(inverse, x)
	}
	s := byte(0x63)
	for i := range 5 {
		s ^= bits.RotateLeft8(inverse, i)
	}
	return s
}

// times multiplies in the field of 256 elements.
func times(a, b byte) (product byte) {
	for ; b > 0; b >>= 1 {
		product ^= a * (b & 1)
		a = a<<1 ^ a>>7*0x1b
	}
	return product
}
