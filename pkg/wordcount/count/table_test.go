package count

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// counts is what the table holds.
func counts(t *Table) map[string]uint64 {
	m := map[string]uint64{}
	for w, n := range t.All() {
		m[string(w)] += n
	}
	return m
}

// same fails unless the table holds exactly want.
func same(tb testing.TB, t *Table, want map[string]uint64) {
	tb.Helper()
	tokens := uint64(0)
	for _, n := range want {
		tokens += n
	}
	if got := counts(t); !maps.Equal(got, want) {
		for w := range want {
			if got[w] == want[w] {
				delete(got, w)
				delete(want, w)
			}
		}
		tb.Fatalf("differs: got %.1000q, want %.1000q", fmt.Sprint(got), fmt.Sprint(want))
	}
	if t.Len() != len(want) || t.Tokens() != tokens {
		tb.Fatalf("got %d words, %d tokens, want %d, %d", t.Len(), t.Tokens(), len(want), tokens)
	}
}

func TestTableIsAMap(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			word := func() []byte {
				w := make([]byte, 1+r.IntN(20))
				for i := range w {
					w[i] = "ab\x00\xff"[r.IntN(4)]
				}
				return w
			}
			table, want := seeded(seedOf(seed)), map[string]uint64{}
			for range 30 {
				switch r.IntN(10) {
				case 0:
					table.Reset()
					clear(want)
				case 1: // the counts double
					for _, b := range blobsOf(table, 1+r.IntN(5)) {
						if b != nil && merge(table, b) != nil {
							t.Fatal("a packed blob isn't sound")
						}
					}
					for w := range want {
						want[w] *= 2
					}
				case 2, 3, 4:
					w, n := word(), r.Uint64N(1<<r.IntN(40))
					table.Add(w, n)
					if want[string(w)] += n; n == 0 && want[string(w)] == 0 {
						delete(want, string(w))
					}
				default:
					var text []byte
					for range r.IntN(1000) {
						text = append(append(text, word()...), ' ')
					}
					splits(t, table, text, 1+r.Int64N(1000))
					for w, n := range oracle(text) {
						want[w] += n
					}
				}
				same(t, table, maps.Clone(want))
			}
		})
	}
}

func TestWordsOfEveryLength(t *testing.T) {
	table, want := New(), map[string]uint64{}
	for _, c := range []string{"x", "\x00", "\xff"} {
		for n := 1; n < 100; n++ {
			w := strings.Repeat(c, n)
			table.Add([]byte(w), uint64(n))
			splits(t, table, []byte(w+" y"+w+"\n"), 1000)
			want[w] = uint64(n) + 1
			want["y"+w] = 1
		}
	}
	same(t, table, want)
}

func TestAddRefusesWhatIsNoWord(t *testing.T) {
	table := New()
	table.Add([]byte("word"), 0)
	same(t, table, map[string]uint64{})
	for _, w := range [][]byte{nil, make([]byte, MaxWord+1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a word of %d bytes was added", len(w))
				}
			}()
			table.Add(w, 1)
		}()
	}
}

func TestCountsBeyond32Bits(t *testing.T) {
	table := New()
	table.Add([]byte("full"), 1<<32-2)
	table.Add([]byte("often"), 1<<52)
	table.Add([]byte("often-and-long-too"), 1<<52)
	text := "full full full often often-and-long-too full"
	splits(t, table, []byte(text), 1000)
	want := map[string]uint64{"full": 1<<32 + 2, "often": 1<<52 + 1, "often-and-long-too": 1<<52 + 1}
	same(t, table, want)
	if d := table.Descending(); d[0] != (Entry{"often", 1<<52 + 1}) || d[2] != (Entry{"full", 1<<32 + 2}) {
		t.Errorf("descending: %v", d)
	}
	again := New()
	if err := merge(again, blobsOf(table, 1)[0]); err != nil {
		t.Fatal(err)
	}
	same(t, again, want)
	table.Reset()
	splits(t, table, []byte(text), 1000)
	same(t, table, oracle([]byte(text)))
}

// manyWords are short and long words, each some times.
func manyWords(n int) (text []byte, want map[string]uint64) {
	want = map[string]uint64{}
	for i := range n {
		short, long := fmt.Sprintf("%x", i), fmt.Sprintf("a-longer-word-%d", i/3)
		text = fmt.Appendf(text, "%s %s\n", short, long)
		want[short]++
		want[long]++
	}
	return text, want
}

func TestGrowthAndReset(t *testing.T) {
	table := New()
	fresh := table.Bytes()
	big, wantBig := manyWords(40_000)
	little, wantLittle := manyWords(100)
	for range 2 {
		splits(t, table, big, 1<<20)
		same(t, table, maps.Clone(wantBig))
		table.Reset()
		same(t, table, map[string]uint64{})
	}
	held := table.Bytes()
	if held < 40_000*64/3 {
		t.Errorf("a table in use for big texts holds %d bytes", held)
	}
	for range 20 {
		splits(t, table, little, 1000)
		same(t, table, maps.Clone(wantLittle))
		table.Reset()
	}
	if now := table.Bytes() - cap(table.scan.buf) - len(table.long.chunks)*arenaChunk; now > fresh {
		t.Errorf("after little texts in a row a table holds %d bytes, a new one %d", now, fresh)
	}
}

func TestNeedForeseesGrowth(t *testing.T) {
	for _, word := range []string{"%d", "a-longer-word-%d"} {
		table := New()
		for i := range 20_000 {
			before, need, next := table.Bytes(), table.Need(1), fmt.Appendf(nil, word, i)
			table.Add(next, 1)
			// While it doubles a table holds what it held and what it then holds.
			if grown := table.Bytes() - len(table.long.chunks)*arenaChunk; need < grown || need == before && grown > before {
				t.Fatalf("word %s: %d bytes became %d, of %d foreseen", next, before, grown, need)
			}
		}
	}
}

func TestLongWordsOfEqualHash(t *testing.T) {
	table := New()
	for i := range 50 {
		table.long.reserve(1)
		table.long.add(fmt.Appendf(nil, "a long word, number %02d", i/2), 7, 1)
	}
	if table.Len() != 25 {
		t.Errorf("%d words, want 25", table.Len())
	}
	for w, n := range table.All() {
		if n != 2 {
			t.Errorf("%s: %d, want 2", w, n)
		}
	}
}

func TestArenaIsReusedAndShrinks(t *testing.T) {
	table := New()
	add := func(words int) {
		for i := range words {
			table.Add(fmt.Appendf(nil, "%09d %s", i, strings.Repeat("w", 5000)), 1)
		}
		if table.Len() != words {
			t.Fatalf("%d words, want %d", table.Len(), words)
		}
	}
	for range 3 {
		add(10_000)
		if n := len(table.long.chunks); n != 24 {
			t.Fatalf("%d chunks, want 24", n)
		}
		table.Reset()
	}
	for range 5 {
		add(1)
		table.Reset()
	}
	if n := len(table.long.chunks); n > 8 {
		t.Errorf("%d chunks for one word", n)
	}
}

func TestNothingIsAllocatedPerSplit(t *testing.T) {
	text, _ := manyWords(300)
	table := New()
	files := []*bytes.Reader{bytes.NewReader(text), bytes.NewReader([]byte("no long words"))}
	count := func() {
		for _, r := range files {
			for off := int64(0); off < r.Size(); off += 1000 {
				if _, err := table.Split(r, off, 1000, r.Size()); err != nil {
					t.Fatal(err)
				}
			}
			table.Reset()
		}
	}
	if n := testing.AllocsPerRun(10, count); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDescending(t *testing.T) {
	table := New()
	if d := table.Descending(); len(d) > 0 {
		t.Errorf("an empty table: %v", d)
	}
	text, _ := manyWords(3000)
	text = append(text, " same-first-bytes-b same-first-bytes-a same-first same-first\x00 \xff \x00 zz"...)
	want := oracle(text)
	splits(t, table, text, 1<<20)
	got := table.Descending()
	all := map[string]uint64{}
	for _, e := range got {
		all[e.Word] = e.N
	}
	if !maps.Equal(all, want) {
		t.Error("entries differ from the table")
	}
	if !slices.IsSortedFunc(got, func(a, b Entry) int {
		return cmp.Or(-cmp.Compare(a.N, b.N), strings.Compare(a.Word, b.Word))
	}) {
		t.Error("not in order")
	}
}

func TestAllStops(t *testing.T) {
	table := New()
	splits(t, table, []byte("a b a-long-word-of-many-bytes another-long-word-of-bytes"), 1000)
	for stop := 1; stop <= table.Len(); stop++ {
		n := 0
		for range table.All() {
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("%d steps, want %d", n, stop)
		}
	}
}
