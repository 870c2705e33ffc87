package count

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// seedOf is a seed that a test can have again.
func seedOf(n uint64) seed {
	r := rand.New(rand.NewPCG(n, 63))
	return seed{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
}

// steps is how many lines and slots are looked at to find every word once. It is
// also what it took to add them, to a table of this size.
func (t *Table) steps() (n int) {
	mask := uint64(len(t.short.lines) - 1)
	for i := range t.short.lines {
		for _, k := range t.short.lines[i].key {
			if k != (key{}) {
				n += 1 + int((uint64(i)-t.short.seed.mix(k)/lineSize)&mask)
			}
		}
	}
	for i, s := range t.long.slots {
		if s.at > 0 {
			n += 1 + (i-int(s.hash))&(len(t.long.slots)-1)
		}
	}
	return n
}

// families are words that somebody could write to make counting slow: the i-th of
// each. Some are no words, because they hold white space, and some come twice.
var families = []struct {
	name string
	word func(i int) []byte
}{
	// Against the hashes of before, which had no seed. The first eight bytes
	// made the product zero; the second eight lead XXH64 back to one value.
	{"factor of zero", func(i int) []byte {
		return fmt.Appendf(binary.LittleEndian.AppendUint64(nil, 0xa0761d6478bd642f), "%07x", i)
	}},
	{"XXH64", sameXXH64},

	// Against any hash whose steps are as even as those of the words.
	{"bytes 0 1", digits(8, 0, 1)},
	{"bytes 3 4", digits(8, 3, 4)},
	{"bytes 6 7", digits(8, 6, 7)},
	{"bytes 0 4", digits(5, 0, 4)},
	{"bytes 7 8", digits(9, 7, 8)},
	{"bytes 8 9", digits(15, 8, 9)},
	{"bytes 13 14", digits(15, 13, 14)},
	{"bytes 0 14", digits(15, 0, 14)},
	{"bytes 5 13", digits(14, 5, 13)},
	{"the last of 24", digits(24, 22, 23)},
	{"the first of 24", digits(24, 0, 1)},
	{"the middle of 100", digits(100, 40, 60)},
	{"all of a letter", digits(40, 0, 8, 16, 24, 32)},

	// Against rounds of AES: bytes that its first round puts into one column.
	{"column 0", digits(15, 0, 5, 10)},
	{"column 1", digits(15, 3, 4, 9, 14)},
	{"column 2", digits(15, 2, 7, 8, 13)},
	{"column 3", digits(15, 1, 6, 11, 12)},

	// Against hashes that are linear in the bits.
	{"low bits", flips(15, 0x01)},
	{"high bits", flips(15, 0x80)},
	{"low bits of long words", flips(64, 0x01)},
	{"high bits of long words", flips(64, 0x80)},
	{"complements", flips(15, 0xff)},
	{"numbers", func(i int) []byte { return fmt.Append(nil, i) }},
}

// digits writes i into some bytes of a word of n, the lowest byte into the first.
func digits(n int, at ...int) func(int) []byte {
	return func(i int) []byte {
		w := bytes.Repeat([]byte("x"), n)
		for j, a := range at {
			if len(at) == 2 {
				w[a] = byte(i >> (8 * j))
			} else { // a little in each
				w[a] = 'A' + byte(i>>(5*j)&31)
			}
		}
		return w
	}
}

// flips changes some bits in every byte of a word of n that i has a bit for.
func flips(n int, mask byte) func(int) []byte {
	return func(i int) []byte {
		w := bytes.Repeat([]byte("U"), n)
		for j := range w {
			w[j] ^= mask * byte(i>>j&1)
		}
		return w
	}
}

// sameXXH64 are words of 16 bytes that all have the same XXH64 of seed 0.
func sameXXH64(i int) []byte {
	const p1, p2, p4, p5 = 0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x85ebca77c2b2ae63, 0x27d4eb2f165667c5
	inverse := func(p uint64) uint64 { // Newton's, modulo 2^64
		x := p
		for range 5 {
			x *= 2 - p*x
		}
		return x
	}
	round := func(x uint64) uint64 { return bits.RotateLeft64(x*p2, 31) * p1 }
	back := func(x uint64) uint64 { return bits.RotateLeft64(x*inverse(p1), -31) * inverse(p2) }
	first := 0x4141414141414141 + uint64(i)*0x9f
	between := bits.RotateLeft64((p5+16)^round(first), 27)*p1 + p4
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, first), back(between^63))
}

// crafted are n different words of a family, or as many as it has.
func crafted(word func(int) []byte, n int) (text []byte, words int) {
	seen := map[string]bool{}
	for i := range 1 << 16 {
		w := word(i)
		if fields := bytes.Fields(w); len(fields) == 1 && len(fields[0]) == len(w) && !seen[string(w)] {
			seen[string(w)] = true
			text = append(append(text, w...), ' ')
			if len(seen) == n {
				break
			}
		}
	}
	return text, len(seen)
}

// randomWords are n words of a length.
func randomWords(n, length int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), uint64(length)))
	text, _ := crafted(func(int) []byte {
		w := make([]byte, length)
		for i := range w {
			w[i] = 'A' + byte(r.IntN(26)) + byte(r.IntN(2))*32
		}
		return w
	}, n)
	return text
}

// Twice is well within the three times of the fault's row. For these words the usual
// number is what every good hash comes to.
func TestFault63CraftedWordsTakeNoMoreSteps(t *testing.T) {
	const most = 34_000 // nearly fills a table, where collisions cost most
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			text, n := crafted(f.word, most)
			if n < most*2/3 {
				t.Fatalf("only %d words", n)
			}
			table := New()
			steps := func(text []byte) int {
				splits(t, table, text, 1<<20)
				defer table.Reset()
				if table.Len() != n {
					t.Fatalf("%d words, want %d", table.Len(), n)
				}
				return table.steps()
			}
			usual := steps(randomWords(n, len(f.word(most))))
			for i := range uint64(10) {
				table.short.seed, table.long.seed = seedOf(i), maphash.MakeSeed()
				if got := steps(text); got > 2*usual {
					t.Errorf("seed %d: %d steps for %d words, and %d for random words", i, got, n, usual)
				}
			}
		})
	}
}

// Of a seed that is the same in every table, an attacker could find it out.
func TestFault63EveryTableHasAnOrderOfItsOwn(t *testing.T) {
	text, _ := manyWords(1000)
	a, b := New(), New()
	splits(t, a, text, 1<<20)
	splits(t, b, text, 1<<20)
	if bytes.Equal(blobsOf(a, 1)[0], blobsOf(b, 1)[0]) {
		t.Error("two tables put the same words into the same order")
	}
}
