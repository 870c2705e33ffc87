package show

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestFault62ALineShowsNothingThatATerminalActsUpon(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		`say "it", C:\ — 日本語 😀`:      `say "it", C:\ — 日本語 😀`,
		"\x1b[2J\x07\r\n\t\x00":      `\x1b[2J\a\r\n\t\x00`,
		"\u009b31m \u202e":           `\u009b31m \u202e`,
		"cut \xe2\x80 \xff \"\u00a0": `cut \xe2\x80 \xff "\u00a0`,
		"\ufffd":                     "\ufffd",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if again := plain(plain(text)); again != plain(text) {
			t.Errorf("%q is escaped twice: %s", text, again)
		}
	}
	for r := range rune(0x3000) {
		if text := plain("a" + string(r) + "b"); strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("%U is shown as %q", r, text)
		}
	}
}

func TestALongWordIsShownShort(t *testing.T) {
	for word, want := range map[string]string{
		strings.Repeat("é", 80):       strings.Repeat("é", 80),
		strings.Repeat("é", 81):       strings.Repeat("é", 80) + "…",
		strings.Repeat("\x00", 1<<20): `"` + strings.Repeat(`\x00`, 19) + `\x0` + "…",
	} {
		if got := shortWord(word); got != want {
			t.Errorf("%.20q is shown as %q, want %q", word, got, want)
		}
	}
}

func TestFault62EventsAreShownEscaped(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	NewProgress(in).Note("%s", "! worker \x1b]0;title\a\nsealed")
	in.Close()
	if got, err := io.ReadAll(out); string(got) != `! worker \x1b]0;title\a\nsealed`+"\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
