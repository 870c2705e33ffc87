package corpus

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// everyday holds the words that come first, so that the top of the result looks familiar.
var everyday = strings.Fields(`
	the of and a to in is was that it for on with as he be at by they this had
	not are but from or have an which one you were all her she there would their
	we him been has when who will no more if out so up said what its about than
	into them can only other time new some could these two may first then do any
	like my now over such our man me even most made after also did many off water
`)

// The parts of a made-up syllable. A part that is listed twice is twice as likely.
var (
	onsets = strings.Fields("b bl br d d dr f fl h h k l l l m m m n n pl pr r r r s s s sh st t t t th tr v w y")
	plain  = strings.Fields("a a a ai e e e e ea i i i o o o ou u")
	marked = strings.Fields("a e o ä å é è ê î ø ö ó ü")
	codas  = append(strings.Fields("n n n r r l l m nd st th"), make([]string, 22)...) // two in three have none
)

// script is a range of letters, from which words are made.
type script struct {
	first, last  rune
	short, spare int // letters in the shortest word, and how many more a word may have
}

var scripts = []script{
	{'α', 'ω', 3, 7},           // Greek
	{'а', 'я', 3, 8},           // Cyrillic
	{'א', 'ת', 2, 5},           // Hebrew
	{'ا', 'غ', 2, 6},           // Arabic
	{'क', 'ह', 2, 5},           // Devanagari
	{'あ', 'ん', 2, 5},           // Hiragana
	{'ア', 'ン', 2, 6},           // Katakana
	{'一', '晿', 1, 4},           // Han
	{'가', '힣', 1, 4},           // Hangul
	{'\u0300', '\u036f', 1, 3}, // combining marks without a letter
	{'😀', '🙏', 1, 3},           // emoji
}

// shapes are the rarer shapes in which a word occurs. The underscore stands for the word.
var shapes = strings.Fields("_; _: _? _! _'s _'s _-like (_) (_ _) \"_\" “_” «_» *_* _…")

// vocabulary invents n different words, the most frequent first. Lengths grow with the rank,
// because in languages, too, frequent words are short.
func vocabulary(n int, d dice) []string {
	words := make([]string, 0, n)
	stems := make([]string, 0, n) // the words that reshape has not changed
	known := make(map[string]bool, n)
	left := everyday

	for len(words) < n {
		var word string
		isStem := true
		switch {
		case len(stems) >= 30 && d.oneIn(4):
			word, isStem = reshape(d.oneOf(stems), d), false
		case len(left) > 0:
			word, left = left[0], left[1:]
		default:
			word = invent(bits.Len(uint(len(words))), d)
		}
		if known[word] { // the next draw is another one
			continue
		}
		known[word] = true
		words = append(words, word)
		if isStem {
			stems = append(stems, word)
		}
	}
	return words
}

// invent makes up a word for a rank that has this number of binary digits.
func invent(digits int, d dice) string {
	var b strings.Builder
	switch kind := d.below(1000); {
	case kind < 25:
		s := scripts[d.below(len(scripts))]
		for range s.short + d.below(1+s.spare) {
			b.WriteRune(s.first + rune(d.below(int(s.last-s.first)+1)))
		}
	case kind < 45:
		syllables(&b, 1+d.below(3), marked, d)
	case kind < 65:
		b.WriteString(strconv.Itoa(d.below(1 << digits)))
	case kind < 68:
		for range 3 + d.below(10) {
			b.WriteByte('/')
			syllables(&b, 1+d.below(3), plain, d)
		}
	default:
		syllables(&b, 1+d.below(1+digits/4), plain, d)
	}
	return b.String()
}

func syllables(b *strings.Builder, n int, vowels []string, d dice) {
	for range n {
		b.WriteString(d.oneOf(onsets))
		b.WriteString(d.oneOf(vowels))
		b.WriteString(d.oneOf(codas))
	}
}

// reshape capitalises a word, or adds punctuation to it.
func reshape(word string, d dice) string {
	switch kind := d.below(20); {
	case kind < 7:
		first, size := utf8.DecodeRuneInString(word)
		return string(unicode.ToUpper(first)) + word[size:]
	case kind < 12:
		return word + ","
	case kind < 15:
		return word + "."
	default:
		return strings.Replace(d.oneOf(shapes), "_", word, 1)
	}
}
