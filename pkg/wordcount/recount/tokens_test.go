package recount

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"

	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

func init() {
	words.Register("test.pairs", func(value []byte, word func([]byte)) {
		for len(value) > 1 {
			word(value[:2])
			value = value[2:]
		}
		word(value)
	})
}

//go:embed testdata/WordBreakTest.txt
var wordBreakTest string

func TestTheOraclesWordBoundariesAreThoseOfUnicodesTest(t *testing.T) {
	lines := 0
	for line := range strings.Lines(wordBreakTest) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		var text characters
		var want []int // the positions of boundaries within the text
		for _, sign := range strings.Fields(line) {
			switch {
			case sign == "×":
			case sign == "÷" && len(text) > 0:
				want = append(want, len(text))
			case sign != "÷":
				r, err := strconv.ParseInt(sign, 16, 32)
				if err != nil {
					t.Fatal(err)
				}
				text = append(text, wordBreaks()[r])
			}
		}
		var got []int
		start := 0
		for i := 1; i <= len(text); i++ {
			if i == len(text) || text.breaks(start, i) {
				got = append(got, i)
				start = i
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: boundaries at %v, want %v", strings.TrimSpace(line), got, want)
		}
	}
	if lines < 1900 {
		t.Errorf("the test has %d lines", lines)
	}
}

func TestTheOraclesCaseFoldingIsThatOfTheLibrary(t *testing.T) {
	library := cases.Fold()
	for _, r := range sample() {
		want := library.String(string(r))
		if 0x13A0 <= r && r <= 0x13F5 {
			want = string(r) // the library maps capital Cherokee letters to small ones, and these back
		}
		if got := string(foldCase([]byte(string(r)))); got != want {
			t.Errorf("%U: %+q, want %+q", r, got, want)
		}
	}
}

// bothWays are the words of a value by package words and by the oracle.
func bothWays(t testing.TB, choice, fold string, value []byte) (got, want [][]byte) {
	c, err := words.Parse(choice, fold)
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.Cutter()
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := tokens(choice, fold)
	if err != nil {
		t.Fatal(err)
	}
	k.Cut(value, func(w []byte) { got = append(got, bytes.Clone(w)) })
	oracle(value, func(w []byte) { want = append(want, bytes.Clone(w)) })
	return got, want
}

var folds = []string{"", "case", "nfc", "case,nfc"}

// agree compares all words, one by one.
func agreeOnTokens(t testing.TB, choice, fold string, value []byte) {
	got, want := bothWays(t, choice, fold, value)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s %s of %+q:\n%+q, want\n%+q", choice, fold, value, got, want)
	}
	for _, w := range got {
		if len(w) == 0 {
			t.Errorf("%s %s of %+q: an empty word", choice, fold, value)
		}
	}
}

func TestTheOracleAndPackageWordsAgreeAboutEachCharacter(t *testing.T) {
	for _, around := range []string{"%s", "a%sb", "1%s2", "'%s\"", "א%sא", "\u0345%s\u0301", "\u200D%s\u0308_", "カ%sー ", "🇦%s🇧"} {
		var text strings.Builder
		for _, r := range sample() {
			text.WriteString(strings.Replace(around, "%s", string(r), 1))
			text.WriteByte('\n')
		}
		compare(t, "unicode", "", text.String())
	}
	var text strings.Builder
	for _, r := range sample() {
		text.WriteRune(r)
		text.WriteByte('\n')
	}
	for _, fold := range folds {
		compare(t, "unicode", fold, text.String())
	}
}

// sample is all characters up to the last one that has a meaning of its own, the tags, and some of
// the others.
func sample() (characters []rune) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		characters = append(characters, r)
		if 0x323FF < r && r < 0xE0000 || 0xE01FF < r {
			r += 996
		}
	}
	return characters
}

// compare looks for the lines about which the two don't agree, so that a failure can be read.
func compare(t *testing.T, choice, fold, text string) {
	got, want := bothWays(t, choice, fold, []byte(text))
	if slices.EqualFunc(got, want, bytes.Equal) {
		return
	}
	t.Errorf("%s %s: %d words, want %d", choice, fold, len(got), len(want))
	for line := range strings.Lines(text) {
		agreeOnTokens(t, choice, fold, []byte(line))
	}
}

var tokenTexts = []string{
	"", "a", "The quick (\"brown\") fox can't jump 32.3 feet, right?", "a_b 1,000.50 3.x a.b.c a..b x:y",
	"Straße STRASSE ſ K Å ﬁ İı ǅ ΑΣ ᾳ ᾼ \u0345\u0301 Ꭰꭰ Ᏸᏸ", "e\u0301 é \u1100\u1161\u11a8 각 \u0958 \u0344",
	"\xff\xfea\xffb \xe2\x82 \xed\xa0\x80 \xc3", "\xff\u0301", "caf\xe9 noir\xf0\x9f", "🇩🇪🇫🇷🇮 👩‍👩‍👧‍👦 \u200dⓂ a\u200dⓂ ❤️", "我能吞下 カタカナ ひらがな ーー",
	"א\"א א' א\"1", "\r\n\n\v\u2028\u0301a", "a\u00adb\u0301'\u0301c 1\u0301.\u03012", "  \u3000 \u00a0 \u2009\u200b x", "\x00\x01a\x7f",
	strings.Repeat("\u0301", 40), "a" + strings.Repeat("\u0301\u0327", 40) + "É", strings.Repeat("ΐ\u0345", 20), "\U0001FAE9 \U00010D4A \U000323B0 \uE000 \U0010FFFF \uFFFD",
	`1.2.3.4 - - [27/Nov/2026:10:00:00 +0000] "GET /a?b HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X11) é"`,
}

var tokenChoices = []string{"fields", "value", "unicode", "func:test.pairs", `regexp:"(?:GET|POST) ([^ ?"]+)`, `regexp:"([^"]*)"$`,
	`regexp: (\d{3}) `, `regexp:\pL+`, `regexp:(?i)\b(s|k)\B`, `regexp:(?m)^(\S*)|.$`, `regexp:(a)|(b)`, `regexp:.`}

func TestTheOracleAndPackageWordsAgree(t *testing.T) {
	for _, text := range tokenTexts {
		for _, choice := range append(tokenChoices, "") {
			for _, fold := range append(folds, "nfc,case") {
				agreeOnTokens(t, choice, fold, []byte(text))
			}
		}
	}
}

func TestTheOracleRefusesWhatPackageWordsRefuses(t *testing.T) {
	for _, c := range [][2]string{{"lines", ""}, {"regexp:(", ""}, {"func:missing", ""}, {"fields", "nfd"}} {
		if _, err := tokens(c[0], c[1]); err == nil {
			t.Errorf("%q, %q: no error", c[0], c[1])
		}
	}
}

// FuzzTokens compares the oracle with package words, for each choice but expressions.
func FuzzTokens(f *testing.F) {
	for i, text := range tokenTexts {
		f.Add([]byte(text), uint8(i), uint8(i/2))
	}
	f.Fuzz(func(t *testing.T, value []byte, choice, fold uint8) {
		agreeOnTokens(t, tokenChoices[int(choice)%len(tokenChoices)], folds[int(fold)%len(folds)], value)
	})
}

// FuzzRegexpTokens compares them for any expression.
func FuzzRegexpTokens(f *testing.F) {
	for i, text := range tokenTexts {
		f.Add(strings.TrimPrefix(tokenChoices[4+i%(len(tokenChoices)-4)], "regexp:"), []byte(text))
	}
	f.Fuzz(func(t *testing.T, expression string, value []byte) {
		if _, err := words.Parse("regexp:"+expression, ""); err != nil || len(expression) > 60 || len(value) > 1000 {
			return
		}
		agreeOnTokens(t, "regexp:"+expression, "", value)
	})
}
