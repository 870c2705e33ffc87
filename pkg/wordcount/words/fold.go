package words

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// folder makes words equal that differ only in case, or in how their characters are encoded. Bytes
// that aren't UTF-8 stay as they are.
type folder struct {
	foldsCase bool
	nfc       bool
	fold      transform.Transformer // golang.org/x/text's case folding
	word      []byte                // what apply returns
	before    []byte                // what is folded on the way
}

func newFolder(foldsCase, nfc bool) *folder {
	return &folder{foldsCase: foldsCase, nfc: nfc, fold: cases.Fold()}
}

// apply returns the folded word, which is valid until the next call. With both foldings, two words
// become one if they are a canonical caseless match (Unicode, D145).
func (f *folder) apply(word []byte) []byte {
	var all, upper byte
	for _, c := range word {
		all |= c
		if 'A' <= c && c <= 'Z' {
			upper = 1
		}
	}
	ascii := all < utf8.RuneSelf
	switch {
	case ascii && (upper == 0 || !f.foldsCase):
		return word
	case ascii:
		f.word = append(f.word[:0], word...)
		for i, c := range f.word {
			if 'A' <= c && c <= 'Z' {
				f.word[i] = c | 0x20
			}
		}
	case !f.nfc:
		f.word = f.appendFolded(f.word[:0], word)
	case !f.foldsCase:
		if norm.NFC.IsNormal(word) {
			return word
		}
		f.word = norm.NFC.Append(f.word[:0], word...)
	case foldsBeforeDecomposing(word):
		f.word = f.appendFolded(f.word[:0], word)
		if !norm.NFC.IsNormal(f.word) {
			f.before = append(f.before[:0], f.word...)
			f.word = norm.NFC.Append(f.word[:0], f.before...)
		}
	default:
		f.word = norm.NFD.Append(f.word[:0], word...)
		f.before = f.appendFolded(f.before[:0], f.word)
		f.word = norm.NFC.Append(f.word[:0], f.before...)
	}
	return f.word
}

// foldsBeforeDecomposing says whether NFC of the folded word is NFC of the folded NFD of the word.
// It is, but for two reasons. The iota subscript, which is part of most of U+1F80 to U+1FFF, folds
// to a letter, so that it must be in its place before. And the library puts a U+034F into more than
// 30 marks in a row, but a word of 30 bytes never decomposes into a row of more than 30.
func foldsBeforeDecomposing(word []byte) bool {
	if len(word) > 30 {
		return false
	}
	for i, c := range word[:len(word)-1] { // it isn't ASCII, so it isn't empty
		if c == 0xCD && word[i+1] == 0x85 || c == 0xE1 && word[i+1] >= 0xBE {
			return false
		}
	}
	return true
}

// appendFolded folds case. Capital Cherokee letters fold to themselves, and small ones to them. The
// library folds the small ones so, but also the capital ones to small ones.
func (f *folder) appendFolded(to, word []byte) []byte {
	for len(word) > 0 {
		n := capitalCherokee(word)
		to = f.mustAppend(to, word[:n])
		word = word[n:]
		if len(word) > 0 {
			to, word = append(to, word[:3]...), word[3:]
		}
	}
	return to
}

func (f *folder) mustAppend(to, text []byte) []byte {
	to, _, err := transform.Append(f.fold, to, text)
	if err != nil {
		panic("words: case folding failed: " + err.Error()) // it has no errors
	}
	return to
}

// capitalCherokee is the index of the first of U+13A0 to U+13F5, or the text's length. The first
// byte of a character is none of its others, so bytes can be compared.
func capitalCherokee(text []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(text[i:], 0xE1)
		if n < 0 || i+n+3 > len(text) {
			return len(text)
		}
		i += n
		if text[i+1] == 0x8E && 0xA0 <= text[i+2] && text[i+2] <= 0xBF ||
			text[i+1] == 0x8F && 0x80 <= text[i+2] && text[i+2] <= 0xB5 {
			return i
		}
	}
}
