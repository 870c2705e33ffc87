package corpus

import (
	"bytes"
	"math"
	"testing"
	"unicode/utf8"
)

func TestPowerIsMathPowToSevenDigits(t *testing.T) {
	for _, s := range []float64{0.01, 0.5, 1, 1.07, 2, 4} {
		for _, x := range []int{1, 2, 3, 10, 1000, 65_536, 200_001, 1 << 24} {
			want := math.Pow(float64(x), -s)
			if got := power(x, s); math.Abs(got/want-1) > 1e-7 {
				t.Errorf("power(%d, %v) = %v, want %v", x, s, got, want)
			}
		}
	}
}

func TestEachRankHasZipfsShare(t *testing.T) {
	for _, n := range []int{1, 2, 7, 1000, 54_321} {
		z := newZipf(n, 1.07)

		got := make([]float64, n)
		for home, c := range z {
			own := float64(c.own) / (1 << 32)
			got[home] += own / float64(n)
			got[c.other] += (1 - own) / float64(n)
		}
		sum := 0.0
		for r := range n {
			sum += math.Pow(float64(r+2), -1.07)
		}
		for r := range n {
			want := math.Pow(float64(r+2), -1.07) / sum
			if math.Abs(got[r]-want) > 1e-7*want+1e-9 {
				t.Errorf("of %d ranks, rank %d has a share of %v, want %v", n, r, got[r], want)
			}
		}
	}
}

func TestAllWordsOfTheVocabularyDiffer(t *testing.T) {
	for _, n := range []int{1, 5, 137, 30_000} {
		words := vocabulary(n, newDice(3, 0))
		seen := map[string]bool{}
		foreign := 0
		for _, word := range words {
			if seen[word] {
				t.Errorf("%q is there twice", word)
			}
			seen[word] = true
			if fields := bytes.Fields([]byte(word)); len(fields) != 1 || string(fields[0]) != word {
				t.Errorf("%q is no word", word)
			}
			if !utf8.ValidString(word) {
				t.Errorf("%q isn't UTF-8", word)
			}
			if len(word) != utf8.RuneCountInString(word) {
				foreign++
			}
		}
		if len(words) != n {
			t.Errorf("%d words, want %d", len(words), n)
		}
		if n == 30_000 && (foreign < n*2/100 || foreign > n*12/100) {
			t.Errorf("%d of %d words have letters beyond ASCII, want a few in a hundred", foreign, n)
		}
	}
}

func TestAPageOfAnySizeIsFilledWithWholeWords(t *testing.T) {
	for _, words := range []int{1, 40, 5000} {
		lexicon := newLexicon(Spec{Words: words}.WithDefaults())
		known := map[string]bool{}
		for _, w := range lexicon.words {
			known[string(lexicon.letters[w.start:][:w.size])] = true
		}
		for size := range 400 {
			page := bytes.Repeat([]byte{'!'}, size+1)
			(&text{lexicon, newDice(1, uint64(size))}).fill(page[:size])
			if page[size] != '!' {
				t.Fatalf("a page of %d bytes is overrun", size)
			}
			page = page[:size]
			if size > 0 && page[size-1] != '\n' {
				t.Errorf("a page of %d bytes ends in %q", size, page)
			}
			for _, word := range bytes.Fields(page) {
				if !known[string(word)] {
					t.Errorf("%q in a page of %d bytes isn't in the vocabulary", word, size)
				}
			}
		}
	}
}

func TestThereIsWhiteSpaceOfManyKinds(t *testing.T) {
	page := make([]byte, pageSize)
	(&text{newLexicon(Spec{Words: 1000}.WithDefaults()), newDice(1, 1)}).fill(page)
	for _, white := range []string{" ", "\n", "\t", "\r\n", "  ", "\n\n", "\u00a0", "\u2003", "\u3000"} {
		if !bytes.Contains(page, []byte(white)) {
			t.Errorf("no %q in a page", white)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	text := &text{newLexicon(Spec{}.WithDefaults()), newDice(0, 1)}
	page := make([]byte, pageSize)
	b.SetBytes(pageSize)
	for b.Loop() {
		text.fill(page)
	}
}
