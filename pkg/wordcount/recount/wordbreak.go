package recount

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:embed wordbreak.txt
var wordBreakTable string

// wordBreak is a class of characters, or a set of classes.
type wordBreak uint32

const (
	otherCharacter wordBreak = 1 << iota
	carriageReturn
	lineFeed
	newLine
	extend
	zeroWidthJoiner
	format
	regionalIndicator
	katakana
	hebrewLetter
	aLetter
	singleQuote
	doubleQuote
	midNumLet
	midLetter
	midNum
	numeric
	extendNumLet
	wSegSpace
	pictographic
	aLetterPictographic
)

// The sets that the rules name.
const (
	anyNewline  = newLine | carriageReturn | lineFeed
	ignored     = extend | format | zeroWidthJoiner
	ahLetter    = aLetter | aLetterPictographic | hebrewLetter
	midNumLetQ  = midNumLet | singleQuote
	anyPictured = pictographic | aLetterPictographic
)

var wordBreakNames = map[string]wordBreak{
	"CR": carriageReturn, "LF": lineFeed, "Newline": newLine, "Extend": extend, "ZWJ": zeroWidthJoiner,
	"Format": format, "RegionalIndicator": regionalIndicator, "Katakana": katakana,
	"HebrewLetter": hebrewLetter, "ALetter": aLetter, "SingleQuote": singleQuote,
	"DoubleQuote": doubleQuote, "MidNumLet": midNumLet, "MidLetter": midLetter, "MidNum": midNum,
	"Numeric": numeric, "ExtendNumLet": extendNumLet, "WSegSpace": wSegSpace,
	"ExtendedPictographic": pictographic, "ALetterPictographic": aLetterPictographic,
}

// wordBreaks returns the class of each character.
var wordBreaks = sync.OnceValue(func() []wordBreak {
	classes := slices.Repeat([]wordBreak{otherCharacter}, unicode.MaxRune+1)
	for line := range strings.Lines(wordBreakTable) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		for _, characters := range fields[1:] {
			first, last, isRange := strings.Cut(characters, "-")
			if !isRange {
				last = first
			}
			for r := codePoint(first); r <= codePoint(last); r++ {
				classes[r] = wordBreakNames[fields[0]]
			}
		}
	}
	return classes
})

func codePoint(hex string) rune {
	n, err := strconv.ParseInt(hex, 16, 32)
	if err != nil {
		panic(err) // the table is part of the program
	}
	return rune(n)
}

// meaningful finds the characters that make a segment a word: all but marks, punctuation, symbols,
// separators, controls, and format characters.
var meaningful = regexp.MustCompile(`[^\pM\pP\pS\pZ\p{Cc}\p{Cf}]`)

// unicodeTokens gives the segments of UAX #29 that are words, and each run of bytes that aren't
// UTF-8.
func unicodeTokens(value []byte, word func([]byte)) {
	classes := wordBreaks()
	var text characters
	var at []int // where each character begins
	finish := func(end int) {
		start := 0
		for i := 1; i <= len(text); i++ {
			if i < len(text) && !text.breaks(start, i) {
				continue
			}
			stop := end
			if i < len(text) {
				stop = at[i]
			}
			if segment := value[at[start]:stop]; meaningful.Match(segment) {
				word(segment)
			}
			start = i
		}
		text, at = text[:0], at[:0]
	}
	bad := 0 // bytes before i that aren't UTF-8
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRune(value[i:])
		if r == utf8.RuneError && size == 1 {
			finish(i)
			bad++
		} else {
			if bad > 0 {
				word(value[i-bad : i])
			}
			bad = 0
			text, at = append(text, classes[r]), append(at, i)
		}
		i += size
	}
	finish(len(value))
	if bad > 0 {
		word(value[len(value)-bad:])
	}
}

// characters are the classes of the characters of a text.
type characters []wordBreak

// breaks says whether there is a word boundary before character i, if the one before that is at
// start, and start < i < len(text). The numbers are those of the rules in UAX #29, in their order.
func (text characters) breaks(start, i int) bool {
	before, after := text[i-1], text[i]
	switch {
	case before == carriageReturn && after == lineFeed: // WB3
		return false
	case (before|after)&anyNewline != 0: // WB3a, WB3b
		return true
	case before == zeroWidthJoiner && after&anyPictured != 0, // WB3c
		before == wSegSpace && after == wSegSpace, // WB3d
		after&ignored != 0:                        // WB4
		return false
	}
	// The other rules see a character and the ignored ones after it as one.
	b := text.previous(i)
	before = text.class(b)
	before2, after2 := text.class(text.previous(b)), text.class(text.next(i))
	is := func(x wordBreak, set wordBreak) bool { return x&set != 0 }
	switch {
	case is(before, ahLetter) && is(after, ahLetter), // WB5
		is(before, ahLetter) && is(after, midLetter|midNumLetQ) && is(after2, ahLetter),  // WB6
		is(before2, ahLetter) && is(before, midLetter|midNumLetQ) && is(after, ahLetter), // WB7
		before == hebrewLetter && after == singleQuote,                                   // WB7a
		before == hebrewLetter && after == doubleQuote && after2 == hebrewLetter,         // WB7b
		before2 == hebrewLetter && before == doubleQuote && after == hebrewLetter,        // WB7c
		before == numeric && after == numeric,                                            // WB8
		is(before, ahLetter) && after == numeric,                                         // WB9
		before == numeric && is(after, ahLetter),                                         // WB10
		before2 == numeric && is(before, midNum|midNumLetQ) && after == numeric,          // WB11
		before == numeric && is(after, midNum|midNumLetQ) && after2 == numeric,           // WB12
		before == katakana && after == katakana,                                          // WB13
		is(before, ahLetter|numeric|katakana|extendNumLet) && after == extendNumLet,      // WB13a
		before == extendNumLet && is(after, ahLetter|numeric|katakana):                   // WB13b
		return false
	case before == regionalIndicator && after == regionalIndicator: // WB15, WB16: they go in pairs
		b = text.previous(b)
		return b >= start && text[b] == regionalIndicator
	}
	return true // WB999
}

// class is 0 outside of the text.
func (text characters) class(i int) wordBreak {
	if i < 0 || i >= len(text) {
		return 0
	}
	return text[i]
}

// previous is the index of the character before i that isn't ignored. It may be -1.
func (text characters) previous(i int) int {
	for i--; i > 0 && text[i]&ignored != 0; i-- {
		if text[i-1]&anyNewline != 0 {
			break // what comes first in a text or a line isn't ignored
		}
	}
	return i
}

// next is the index of the character after i that isn't ignored. It may be the text's length.
func (text characters) next(i int) int {
	for i++; i < len(text) && text[i]&ignored != 0; i++ {
	}
	return i
}
