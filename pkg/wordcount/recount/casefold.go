package recount

import (
	"unicode"
	"unicode/utf8"
)

// foldCase is the full case folding of Unicode (statuses C and F of CaseFolding.txt), of the
// characters that the standard library knows.
func foldCase(word []byte) []byte {
	var folded []byte
	for len(word) > 0 {
		r, size := utf8.DecodeRune(word)
		switch several, ok := foldsToSeveral[r]; {
		case r == utf8.RuneError && size == 1:
			folded = append(folded, word[0])
		case ok:
			folded = append(folded, several...)
		case 0x1F80 <= r && r <= 0x1FAF: // Greek vowels with an iota
			vowel := []rune{0x1F00, 0x1F20, 0x1F60}[(r-0x1F80)/16] + r%8
			folded = append(folded, string([]rune{vowel, 'ι'})...)
		default:
			folded = utf8.AppendRune(folded, foldsToOne(r))
		}
		word = word[size:]
	}
	return folded
}

func foldsToOne(r rune) rune {
	switch {
	case unicode.SimpleFold(r) == r: // this leaves the dotless i alone, which has a capital
		return r
	case unicode.Is(unicode.Cherokee, r): // they had no small letters at first
		return unicode.ToUpper(r)
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// foldsToSeveral are the characters that fold to more than one, without U+1F80 to U+1FAF.
var foldsToSeveral = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'İ': "i\u0307", 'ŉ': "ʼn", 'ǰ': "j\u030C", 'և': "եւ",
	'ẖ': "h\u0331", 'ẗ': "t\u0308", 'ẘ': "w\u030A", 'ẙ': "y\u030A", 'ẚ': "aʾ",
	'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "st", 'ﬆ': "st",
	'ﬓ': "մն", 'ﬔ': "մե", 'ﬕ': "մի", 'ﬖ': "վն", 'ﬗ': "մխ",

	0x0390: "ι\u0308\u0301", 0x03B0: "υ\u0308\u0301",
	0x1F50: "υ\u0313", 0x1F52: "υ\u0313\u0300", 0x1F54: "υ\u0313\u0301", 0x1F56: "υ\u0313\u0342",
	0x1FB2: "\u1F70ι", 0x1FB3: "αι", 0x1FB4: "\u03ACι", 0x1FB6: "α\u0342", 0x1FB7: "α\u0342ι", 0x1FBC: "αι",
	0x1FC2: "\u1F74ι", 0x1FC3: "ηι", 0x1FC4: "\u03AEι", 0x1FC6: "η\u0342", 0x1FC7: "η\u0342ι", 0x1FCC: "ηι",
	0x1FD2: "ι\u0308\u0300", 0x1FD3: "ι\u0308\u0301", 0x1FD6: "ι\u0342", 0x1FD7: "ι\u0308\u0342",
	0x1FE2: "υ\u0308\u0300", 0x1FE3: "υ\u0308\u0301", 0x1FE4: "ρ\u0313", 0x1FE6: "υ\u0342", 0x1FE7: "υ\u0308\u0342",
	0x1FF2: "\u1F7Cι", 0x1FF3: "ωι", 0x1FF4: "\u03CEι", 0x1FF6: "ω\u0342", 0x1FF7: "ω\u0342ι", 0x1FFC: "ωι",
}
