package corpus

// text writes endless text: words and the white space between them.
type text struct {
	*lexicon
	dice dice
}

// lexicon is what all texts of a corpus share: the words and their chances.
type lexicon struct {
	ranks   zipf
	words   []span // by rank
	letters []byte // of all words; the frequent ones lie together
	room    int    // bytes for the longest word, the longest gap, and what a copied stride adds
}

// span says where a word's letters are.
type span struct{ start, size uint32 }

// stride is how many bytes of a word are copied at once, even if the word is shorter. Most words
// are shorter, and a copy of a fixed size takes a third of the time of one whose size varies.
const stride = 16

func newLexicon(spec Spec) *lexicon {
	l := &lexicon{ranks: newZipf(spec.Words, spec.Zipf)}
	longest := 0
	for _, word := range vocabulary(spec.Words, newDice(spec.Seed, 0)) {
		l.words = append(l.words, span{uint32(len(l.letters)), uint32(len(word))})
		l.letters = append(l.letters, word...)
		longest = max(longest, len(word))
	}
	l.letters = append(l.letters, make([]byte, stride)...)
	l.room = longest + longestGap + stride
	return l
}

// word draws a word.
func (t *text) word(random uint64) []byte {
	w := t.words[t.ranks.draw(random)]
	return t.letters[w.start:][:w.size]
}

// gaps are the gaps other than one space. Each is listed as often as its chance demands.
var gaps, longestGap = func() (list []string, longest int) {
	for _, gap := range []struct {
		white string
		share int
	}{
		{"\n", 840},
		{"\r\n", 50},
		{"\t", 50},
		{"  ", 40},
		{"\n\n", 14},
		{"\u00a0", 3}, // no-break space
		{"\u2003", 2}, // em space
		{"\u3000", 1}, // ideographic space
	} {
		for range gap.share {
			list = append(list, gap.white)
		}
		longest = max(longest, len(gap.white))
	}
	return list, longest
}()

// fill fills all of page with whole words. The last byte of page becomes a line end.
func (t *text) fill(page []byte) {
	i := 0
	for i+t.room <= len(page) {
		random := t.dice.Uint64()
		w := t.words[t.ranks.draw(random)]
		*(*[stride]byte)(page[i:]) = *(*[stride]byte)(t.letters[w.start:])
		if w.size > stride {
			copy(page[i:], t.letters[w.start:][:w.size])
		}
		i += int(w.size)
		if random%256 < 20 { // about 14 words to a line: nine in ten of these gaps end one
			i += copy(page[i:], t.dice.oneOf(gaps))
		} else {
			page[i] = ' '
			i++
		}
	}
	t.finish(page[i:])
}

// finish fills the end of a page with words that are short enough. If it finds none in 100 draws,
// it fills the rest with line ends.
func (t *text) finish(page []byte) {
	for misses := 0; len(page) > 0 && misses < 100; {
		word := t.word(t.dice.Uint64())
		if len(word) >= len(page) {
			misses++
			continue
		}
		page = page[copy(page, word):]
		page[0] = ' '
		if len(page) == 1 {
			page[0] = '\n'
		}
		page = page[1:]
	}
	for i := range page {
		page[i] = '\n'
	}
}
