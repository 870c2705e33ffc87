package count

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// corpus is a text of about size bytes in which the words of a vocabulary are as
// frequent as in a language: the k-th in proportion to 1/k. Rarer words are
// longer; a few are very long.
func corpus(size, vocabulary int) []byte {
	const letters = "etaoinshrdlucmfwygpbvkxqjz_TAOISW"
	r := rand.New(rand.NewPCG(5, 5))
	words := make([][]byte, vocabulary)
	for i := range words {
		// The rank as a number of base 32 keeps words distinct.
		w := []byte{letters[i%32]}
		for n := i / 32; n > 0; n /= 32 {
			w = append(w, letters[n%32])
		}
		for n := r.NormFloat64() * 3; n > 1 || i%500 == 499 && len(w) < 40; n-- {
			w = append(w, letters[32])
		}
		words[i] = w
	}
	text := make([]byte, 0, size+100)
	for n := 1; len(text) < size; n++ {
		k := int(math.Pow(float64(vocabulary), r.Float64())) - 1
		text = append(append(text, words[k]...), ' ')
		if n%12 == 0 {
			text[len(text)-1] = '\n'
		}
	}
	return text
}

// accesses are the lines of a web server's log: many long words.
func accesses(size int) []byte {
	r := rand.New(rand.NewPCG(6, 6))
	text := make([]byte, 0, size+1000)
	for n := 0; len(text) < size; n++ {
		page := int(math.Pow(100_000, r.Float64()))
		text = fmt.Appendf(text, "10.%d.%d.%d - - [22/Nov/2026:%02d:%02d:%02d +0000] \"GET /articles/%x/page-%d.html HTTP/1.1\" 200 %d \"https://www.example.org/articles/%x\" %016x\n",
			page%200, page%7, page%250, n/36000%24, n/600%60, n/10%60, page*7919, page, page*17%50000, page, r.Uint64())
	}
	return text
}

var bodies = []struct {
	name string
	text func() []byte
}{
	{"words=20k", sync.OnceValue(func() []byte { return corpus(64<<20, 20_000) })},
	{"words=200k", sync.OnceValue(func() []byte { return corpus(64<<20, 200_000) })},
	{"words=1M", sync.OnceValue(func() []byte { return corpus(64<<20, 1_000_000) })},
	{"log", sync.OnceValue(func() []byte { return accesses(64 << 20) })},
}

func each(b *testing.B, f func(*testing.B, []byte)) {
	for _, body := range bodies {
		b.Run(body.name, func(b *testing.B) { f(b, body.text()) })
	}
}

func counted(b *testing.B, text []byte) *Table {
	t := New()
	if _, err := t.Split(bytes.NewReader(text), 0, int64(len(text)), int64(len(text))); err != nil {
		b.Fatal(err)
	}
	return t
}

// perWord reports the time that a word takes, of n in each iteration.
func perWord(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/word")
}

func BenchmarkSplit(b *testing.B) {
	each(b, func(b *testing.B, text []byte) {
		t, r := counted(b, text), bytes.NewReader(text)
		words := t.Tokens()
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			t.Reset()
			if _, err := t.Split(r, 0, r.Size(), r.Size()); err != nil {
				b.Fatal(err)
			}
		}
		perWord(b, int(words))
	})
}

// Words that were written to collide are to cost no more than random ones: x-random
// is how many times as much.
func BenchmarkCrafted(b *testing.B) {
	const most = 34_000
	for _, f := range families {
		b.Run(f.name, func(b *testing.B) {
			text, n := crafted(f.word, most)
			random := randomWords(n, len(f.word(most)))
			t := New()
			timed := func(text []byte) time.Duration {
				t.Reset()
				start := time.Now()
				if _, err := t.Split(bytes.NewReader(text), 0, int64(len(text)), int64(len(text))); err != nil {
					b.Fatal(err)
				}
				return time.Since(start)
			}
			var took, usual time.Duration
			for b.Loop() {
				took += timed(text)
				usual += timed(random)
			}
			b.ReportMetric(float64(took)/float64(usual), "x-random")
		})
	}
}

// A table is used for some files before it is packed and emptied.
func BenchmarkLittleFiles(b *testing.B) {
	text := bodies[1].text()[:1<<20]
	for _, files := range []int{1, 100} {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			t, r := New(), bytes.NewReader(nil)
			b.SetBytes(1024)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				r.Reset(text[n%1000*1024:][:1024])
				if _, err := t.Split(r, 0, 1024, 1024); err != nil {
					b.Fatal(err)
				}
				if n%files == files-1 {
					t.Reset()
				}
			}
		})
	}
}

func BenchmarkPack(b *testing.B) {
	each(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		p := NewPartitioner(aRun, 64)
		b.ReportAllocs()
		for b.Loop() {
			t.Pack(p)
		}
		perWord(b, t.Len())
	})
}

// A partition of the words is merged, as it comes from eight workers.
func BenchmarkMerge(b *testing.B) {
	each(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		blob := blobsOf(t, max(t.Len()/40_000, 1))[0]
		t.Reset()
		b.SetBytes(8 * int64(len(blob)))
		b.ReportAllocs()
		var u Unpacker
		for b.Loop() {
			t.Reset()
			for range 8 {
				u.Reset(bytes.NewReader(blob))
				if err := t.mergeAll(&u); err != nil {
					b.Fatal(err)
				}
			}
		}
		perWord(b, 8*t.Len())
	})
}

// A part of a partition that doesn't fit into memory is merged, one of so many.
func BenchmarkMergePart(b *testing.B) {
	each(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		blob := blobsOf(t, 1)[0]
		for _, halvings := range []int{0, 4, 8} {
			b.Run(fmt.Sprintf("of=%d", 1<<halvings), func(b *testing.B) {
				part := NewPartitioner(aRun, 1).Whole()
				for range halvings {
					part, _ = part.Half()
				}
				b.SetBytes(int64(len(blob)))
				var u Unpacker
				t := New()
				for b.Loop() {
					t.Reset()
					u.Reset(bytes.NewReader(blob))
					for step, err := u.Next(); err == nil; step, err = u.Next() {
						t.MergePart(step, part, math.MaxInt)
					}
				}
				perWord(b, counted(b, text).Len())
			})
		}
	})
}

func BenchmarkDescending(b *testing.B) {
	each(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		b.ReportAllocs()
		for b.Loop() {
			t.Descending()
		}
		perWord(b, t.Len())
	})
}
