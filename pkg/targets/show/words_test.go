package show

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

var updating = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a golden file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updating {
		check.Must(t, os.MkdirAll("testdata", 0o755))
		check.Must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	check.Must(t, err)
	if text != string(want) {
		t.Errorf("%s differs:\n%s", path, text)
	}
}

// counted are words of all kinds, by descending count.
func counted(yield func(wordcount.Entry, error) bool) {
	for _, e := range []wordcount.Entry{
		{Word: "the", N: 458_076}, {Word: "//", N: 458_075}, {Word: "{", N: 345_724}, {Word: "日本語の長い言葉はとても長いです", N: 229_038},
		{Word: "caf\xe9", N: 173_535}, {Word: "\x1b[31mred\n", N: 90_014}, {Word: "👩‍👩‍👧‍👦", N: 5000}, {Word: strings.Repeat("long", 50), N: 1000},
		{Word: "rare", N: 2}, {Word: "once", N: 1},
	} {
		if !yield(e, nil) {
			return
		}
	}
}

func TestABarForEachWordFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{0, 20, 40, 60, 80, 132} {
		var text bytes.Buffer
		check.Must(t, writeWords(&text, counted, columns))
		golden(t, fmt.Sprintf("words-%03d.golden", columns), text.String())
		for line := range strings.Lines(text.String()) {
			if n := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); columns >= withBars && n > columns {
				t.Errorf("%d columns: a line of %d: %s", columns, n, line)
			}
		}
	}
}

func TestTheLengthOfABarIsItsCount(t *testing.T) {
	for _, c := range []struct {
		n, most uint64
		want    string
	}{
		{8, 8, "████"}, {4, 8, "██  "}, {3, 8, "█▌  "}, {1, 32, "▏   "}, {1, 1 << 53, "▏   "}, {1<<53 - 1, 1<<53 - 1, "████"}, {0, 0, "▏   "},
	} {
		if got := barOf(c.n, c.most, 4); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.n, c.most, got, c.want)
		}
	}
}

func TestWordsEndWithTheErrorThatTheyMeet(t *testing.T) {
	gone := errors.New("gone")
	err := writeWords(new(bytes.Buffer), func(yield func(wordcount.Entry, error) bool) { yield(wordcount.Entry{}, gone) }, 80)
	if !errors.Is(err, gone) {
		t.Errorf("it returns %v", err)
	}
}
