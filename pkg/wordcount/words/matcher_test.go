package words

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// byRegexp are the words by package regexp, which is what the automaton must find.
func byRegexp(t testing.TB, expression string, value []byte) (words [][]byte) {
	for _, match := range regexp.MustCompile(expression).FindAllSubmatch(value, -1) {
		if w := match[min(1, len(match)-1)]; len(w) > 0 {
			words = append(words, w)
		}
	}
	return words
}

// newTestMatcher returns a matcher whose automaton counts some cells as taken from the beginning.
func newTestMatcher(t testing.TB, expression string, cells int) *matcher {
	m, err := newMatcher(expression)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*automaton{m.automaton, m.lines} {
		if a != nil {
			a.cells = cells
		}
	}
	return m
}

func matchesOf(m *matcher, value []byte) (words [][]byte) {
	m.each(value, func(w []byte) { words = append(words, bytes.Clone(w)) })
	return words
}

// checkLines compares what is found in lines together with what package regexp finds in each of them.
func checkLines(t *testing.T, m *matcher, expression string, lines []byte) {
	t.Helper()
	if m.lines == nil {
		return
	}
	lines = append(bytes.Clone(lines), '\n')
	var got, want [][]byte
	for line := range bytes.Lines(lines) {
		want = append(want, byRegexp(t, expression, line[:len(line)-1])...)
	}
	m.eachOfLines(lines, func(w []byte) { got = append(got, bytes.Clone(w)) })
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q in the lines of %q: %q, want %q", expression, lines, got, want)
	}
}

var expressions = []string{
	`"(?:GET|POST) ([^ ?"]+)`, `"([^"]*)"$`, ` (\d{3}) `, `^(\S+) `, `\[([^\]]+)\]`,
	`a`, `a*`, `(a*)`, `(a|ab)(c|bcd)(d*)`, `(a+)(b+)`, `(?:a|b)*?b`, `(|a)*`, `(|a)+`, `(a|b)*?`, `(?:(a)|b)*`,
	`(a*)*`, `(a*?)b`, `a{2,3}?`, `(a{0,2})b`, `x*(a)?`, `(a)|b`, `b|(a)`, `(?:)`, `()`, `($)`, `^`, `$`,
	`^a`, `a$`, `^(a*)$`, `(?m)^(\w+)$`, `(?m)$`, `(?m)^`, `(?m)^a*$`, `(?s)(.+)`, `.`, `(.)`, `.*`, `(?m)(.*)$`,
	`\b`, `\B`, `\b\w+\b`, `\ba|b\B`, `(\w+)\b`, `\B(.)\B`, `\Aa|b\z`, `a\z`, `(?i)k`, `(?i)straße`, `(?i)[k-s]+`,
	`\pL+`, `\PL+`, `[^a]`, `([^a]+)a`, `\p{Greek}`, `é`, `[é-ü]+`, "\uFFFD", `[^\x00-\x7f]+`, `\x00`, `[[:word:]]+`,
	`(?U)a+`, `(a+?)(?:b|$)`, `((a)|(b))+`, `(?:a+b?)+c`, `abc|abd`, `a.c`, `(?:aa)*`, `[ab]{3,7}`, `(\d+)(?:\.\d+)?`,
	`([a-z]+)@([a-z]+)\.com`, `(?:^|,)("[^"]*"|[^,]*)`, `[a-c]*[b-d]*?e?`, `.{2,5}?x|.`, `(?i:ſ)`, `(?i)\bs\b`,
}

var texts = []string{
	"", "a", "b", "ab", "aab", "abcd", "aaaa", "bab", "a\nb\n", "\n\n", "\n", "a b", "word, word2", "xay", "c\xffa\xfe",
	"KkK", "Straße STRASSE", "ſs", "αβγ a", "é", "e\u0301ü", "\uFFFD", "\xe2\x82", "\xed\xa0\x80", "a\x00b", "aaab aabc",
	"1.5 22 333 4444 ", "me@example.com, you@b.com", `x,"a,b",,c`, "\xf0\x9f\x98\x80a", "abcabdaacaxc", "aaaaaaab",
	`1.2.3.4 - - [27/Nov/2026:10:00:00 +0000] "GET /a?b HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X11) é"`,
}

func TestTheAutomatonFindsWhatPackageRegexpFinds(t *testing.T) {
	for _, expression := range expressions {
		m := newTestMatcher(t, expression, 0)
		for _, text := range texts {
			value := []byte(text)
			if got, want := matchesOf(m, value), byRegexp(t, expression, value); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%q in %q: %q, want %q", expression, text, got, want)
			}
		}
		if m.automaton == nil {
			t.Errorf("%q has no automaton", expression)
		}
		if m.lines == nil && !strings.ContainsAny(expression, `^$\`) {
			t.Errorf("%q has no automaton for lines", expression)
		}
		checkLines(t, m, expression, []byte(strings.Join(texts, "\n")))
	}
}

func TestAnAutomatonThatBecomesTooLargeGivesWayWithinAValue(t *testing.T) {
	for _, expression := range expressions {
		for _, text := range texts {
			value := []byte(text + "\n" + text)
			want := byRegexp(t, expression, value)
			for cells := maxCells - 200; cells <= maxCells; cells += 90 {
				got := matchesOf(newTestMatcher(t, expression, cells), value)
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
					t.Errorf("%q in %q: %q, want %q", expression, text, got, want)
				}
				checkLines(t, newTestMatcher(t, expression, cells), expression, value)
			}
		}
	}
	m := newTestMatcher(t, `a`, maxCells+1)
	if matchesOf(m, []byte("a")); m.automaton != nil {
		t.Error("the automaton is in use beyond its bound")
	}
}

func TestExpressionsThatAreTooLargeAreLeftToPackageRegexp(t *testing.T) {
	for _, expression := range []string{`(?:a?){900}a{900}`, `\pL\pM\pN\p{Greek}{500}[^\pL]{400}`, `[a-z]{1,1000}(\d{1,900})x`} {
		value := bytes.Repeat([]byte("aé1b22 "), 300)
		if got, want := matchesOf(newTestMatcher(t, expression, 0), value), byRegexp(t, expression, value); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%q differs", expression)
		}
	}
}

// FuzzMatcher compares the automaton with package regexp, for any expression.
func FuzzMatcher(f *testing.F) {
	for i, expression := range expressions {
		f.Add(expression, []byte(texts[i%len(texts)]), uint16(0))
	}
	f.Fuzz(func(t *testing.T, expression string, value []byte, spare uint16) {
		if _, err := regexp.Compile(expression); err != nil || len(expression) > 60 || len(value) > 1000 {
			return
		}
		m := newTestMatcher(t, expression, 0)
		if spare > 0 {
			m = newTestMatcher(t, expression, maxCells-int(spare))
		}
		want := byRegexp(t, expression, value)
		for range 2 { // the second time, the states are there
			if got := matchesOf(m, value); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Fatalf("%q in %q: %q, want %q", expression, value, got, want)
			}
			checkLines(t, m, expression, value)
		}
	})
}
