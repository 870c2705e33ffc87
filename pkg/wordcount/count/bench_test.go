package count

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// corpus is a text of about size bytes in which the words of a vocabulary are as
// frequent as in a language: the k-th in proportion to 1/k. Rarer words are
// longer.
func corpus(size, vocabulary int) []byte {
	r := rand.New(rand.NewPCG(5, 5))
	words := make([][]byte, vocabulary)
	for i := range words {
		w := []byte{}
		for n := 1.5 + 1.5*math.Log10(float64(i+1)) + 1.5*r.NormFloat64(); len(w) == 0 || float64(len(w)) < n; {
			w = append(w, "etaoinshrdlucmfwygpbvk"[r.IntN(22)])
		}
		words[i] = fmt.Appendf(w, "%x", i)
	}
	text := make([]byte, 0, size+100)
	for col := 0; len(text) < size; col++ {
		k := int(math.Pow(float64(vocabulary), r.Float64())) - 1
		text = append(append(text, words[k]...), ' ')
		if col%12 == 0 {
			text[len(text)-1] = '\n'
		}
	}
	return text
}

var vocabularies = []int{20_000, 200_000, 1_000_000}

var texts64 = func() map[int]func() []byte {
	m := map[int]func() []byte{}
	for _, v := range vocabularies {
		m[v] = sync.OnceValue(func() []byte { return corpus(64<<20, v) })
	}
	return m
}()

func eachVocabulary(b *testing.B, f func(*testing.B, []byte)) {
	for _, v := range vocabularies {
		b.Run(fmt.Sprintf("words=%dk", v/1000), func(b *testing.B) {
			text := texts64[v]()
			b.ResetTimer()
			f(b, text)
		})
	}
}

func counted(b *testing.B, text []byte) *Table {
	t := New()
	if _, err := t.Split(bytes.NewReader(text), 0, int64(len(text)), int64(len(text))); err != nil {
		b.Fatal(err)
	}
	return t
}

func BenchmarkSplit(b *testing.B) {
	eachVocabulary(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			t.Reset()
			if _, err := t.Split(bytes.NewReader(text), 0, int64(len(text)), int64(len(text))); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(t.Tokens())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mwords/s")
	})
}

func BenchmarkPack(b *testing.B) {
	eachVocabulary(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		b.SetBytes(int64(t.Len()))
		b.ReportAllocs()
		for b.Loop() {
			t.Pack(64)
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	eachVocabulary(b, func(b *testing.B, text []byte) {
		blobs := counted(b, text).Pack(16)
		t := New()
		b.ReportAllocs()
		for b.Loop() {
			t.Reset()
			for _, blob := range blobs {
				if err := t.Merge(blob); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.SetBytes(int64(t.Len()))
	})
}

func BenchmarkDescending(b *testing.B) {
	eachVocabulary(b, func(b *testing.B, text []byte) {
		t := counted(b, text)
		b.SetBytes(int64(t.Len()))
		b.ReportAllocs()
		for b.Loop() {
			t.Descending()
		}
	})
}
