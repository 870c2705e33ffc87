package combine

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// countPacked counts a file that is packed so, through a buffer that begins with so many bytes.
func countPacked(tb testing.TB, c *Combiner, packed []byte, block int) (tokens uint64, err error) {
	tb.Helper()
	u, err := c.unpack()
	check.Must(tb, err)
	u.Reset(bytes.NewReader(packed), input.File{Path: "/a", Size: int64(len(packed))}, input.CompressionOf(packed))
	c.text = make([]byte, block)
	return c.addText(u)
}

// countsAs checks that a packed text is counted as bytes.Fields cuts the text.
func countsAs(tb testing.TB, text string, packed []byte, block int) {
	tb.Helper()
	want := map[string]uint64{}
	fields := strings.Fields(text)
	for _, word := range fields {
		want[word]++
	}
	c := newCombiner(tb, 1)
	tokens, err := countPacked(tb, c, packed, block)
	check.Must(tb, err)
	got := map[string]uint64{}
	for word, n := range c.table.All() {
		got[string(word)] = n
	}
	if tokens != uint64(len(fields)) || !maps.Equal(got, want) {
		tb.Errorf("%.100q in blocks of %d: %d words, %d distinct; want %d and %d", text, block, tokens, len(got), len(fields), len(want))
	}
}

func TestACompressedTextIsCountedWhereverABlockEnds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "a", "one two  two\nthree ", "\n\nword\u3000\u3000word\u2028\u0085x", "no space at all", "\xe3\x80 \xe3 \x80\x80 \xc2\u0085\xc2",
		strings.Repeat("x", 100) + "\u3000" + strings.Repeat("y", 50), strings.Repeat("\u3000", 30) + "z",
	} {
		for block := 1; block <= len(text)+2; block++ {
			countsAs(t, text, check.Gzip(t, text), block)
			countsAs(t, text, check.Zstd(t, text, ""), block)
		}
	}
	for _, block := range []int{1, 1000, countStep} {
		countsAs(t, check.Bzip2Text(), check.Bzip2, block)
	}
}

func TestTheLongestWordIsCountedInACompressedFileAndALongerOneIsNot(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", count.MaxWord)
	for _, block := range []int{leastStep, countStep, 3 * countStep} {
		countsAs(t, "a "+longest+" b "+longest, check.Zstd(t, "a "+longest+" b "+longest), block)
		for before, text := range map[string]string{"a \u3000": longest + "x", "ab ": longest + "x b", strings.Repeat("ab ", 1e6): longest + longest} {
			_, err := countPacked(t, newCombiner(t, 1), check.Zstd(t, before+text), block)
			if long, ok := errors.AsType[*count.WordTooLongError](err); !ok || long.Offset != int64(len(before)) {
				t.Errorf("blocks of %d: %v behind %d bytes", block, err, len(before))
			}
		}
	}
}

func TestWhatIsCountedIsSpilledBeforeTheFirstCompressedFile(t *testing.T) {
	t.Parallel()
	c := spilling(t)
	c.table.Add([]byte("plain"), 3)
	c.tokens = 3
	for range 2 {
		n, err := countPacked(t, c, check.Gzip(t, "two words"), countStep)
		check.Must(t, err)
		c.tokens += n
	}
	if c.spills() != 1 {
		t.Errorf("%d spills", c.spills())
	}
	o, err := c.Output()
	check.Must(t, err)
	if o.Tokens != 7 {
		t.Errorf("%d words are in the map output", o.Tokens)
	}
}

func TestWithoutReducersCompressedFilesShareATask(t *testing.T) {
	t.Parallel()
	c := newCombiner(t, 0)
	s := splitOf(t, "plain text", string(check.Gzip(t, "zipped text")), string(check.Zstd(t, "packed text")), "more text")
	tokens, err := countSplit(t.Context(), c, s)
	check.Must(t, err)
	if tokens != 8 || c.table.Len() != 5 || c.table.Tokens() != 8 {
		t.Errorf("%d words, %d distinct in the table", tokens, c.table.Len())
	}
}

// Little of a file may unpack to very much. A worker that must end doesn't wait for it.
func TestAWorkerThatMustEndStopsUnpacking(t *testing.T) {
	t.Parallel()
	kill, end := context.WithCancel(t.Context())
	text := input.NewUnpacker(memory.Window(ofMemory))
	packed := check.Gzip(t, strings.Repeat("word ", 1<<20))
	text.Reset(bytes.NewReader(packed), input.File{Path: "/a", Size: int64(len(packed))}, input.Gzip)
	u, some := unpacking{text: text, file: &file{ctx: kill}, stage: within}, make([]byte, 100)
	_, err := u.Read(some)
	check.Must(t, err)
	end()
	if n, err := u.Read(some); n > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func FuzzCompressedTextsAreCountedAsPlainOnes(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string, cut uint16, block uint16) {
		at := int(cut) % (len(text) + 1)
		countsAs(t, text, check.Gzip(t, text[:at], text[at:]), int(block)+1)
		countsAs(t, text, check.Zstd(t, text[:at], text[at:]), int(block)+1)
	})
}
