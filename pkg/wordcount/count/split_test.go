package count

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// oracle counts with the standard library.
func oracle(text []byte) map[string]uint64 {
	m := map[string]uint64{}
	for _, w := range bytes.Fields(text) {
		m[string(w)]++
	}
	return m
}

// splits counts text in splits of the given size.
func splits(tb testing.TB, t *Table, text []byte, size int64) {
	tb.Helper()
	r := bytes.NewReader(text)
	for off := int64(0); off < int64(len(text)); off += size {
		before := t.Tokens()
		n, err := t.Split(r, off, size, int64(len(text)))
		if err != nil {
			tb.Fatalf("split at %d of %d: %v", off, size, err)
		}
		if n != t.Tokens()-before {
			tb.Fatalf("split at %d says %d tokens, added %d", off, n, t.Tokens()-before)
		}
	}
}

// every white space, some that look like it, and what else files hold
var texts = []string{
	"",
	" ",
	"a",
	"the cat  the\that\r\nthe\vend\f",
	"\xEF\xBB\xBFbom word\r\n\r\nword\r\n",
	"a\u0085b\u00a0c\u1680d\u2000e\u200af\u2028g\u2029h\u202fi\u205fj\u3000k",
	"not\u200bspace\u2060nor\ufeffthis\u180e \u0084 \u00a1",
	"\u3000\u3000\u2003x\u2003\u3000",
	"\x85\xa0 lone continuation \x80\x9a\x80 bytes",
	"cut \xe2 \xe2\x80 \xe2\x80\xe2\x80\x80 \xc2\xc2\x85 \xe3\x80\xe3\x80\x80x\xe1\x9a",
	"\x00 nul\x00nul \x00\x00",
	"fifteen-bytes-- sixteen-bytes--- seventeen-bytes-- fifteen-bytes-- sixteen-bytes---",
	strings.Repeat("x", 300) + " " + strings.Repeat("\u3000", 50) + strings.Repeat("y", 63) + "\u2028" + strings.Repeat("z", 64),
	strings.Repeat("w", beyond-1) + "\u2003x", // a white space that the first look past a split cuts
	strings.Repeat("ab ", 700) + strings.Repeat("\n", 100) + strings.Repeat("日本語　", 60),
}

func TestSplitsAddUpToFields(t *testing.T) {
	table := New()
	for _, text := range texts {
		for size := int64(1); size <= int64(len(text))+1; size += 1 + size/40 {
			table.Reset()
			splits(t, table, []byte(text), size)
			if got, want := counts(table), oracle([]byte(text)); !maps.Equal(got, want) {
				t.Fatalf("%q in splits of %d: got %v, want %v", text, size, got, want)
			}
		}
	}
}

// A text of many buffers, its edges falling into anything.
func TestSplitsOfABigText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var text []byte
	for len(text) < 5*chunk {
		switch s := texts[r.IntN(len(texts))]; r.IntN(10) {
		case 0: // a piece of a text
			text = append(text, s[min(r.IntN(50), len(s)):]...)
		case 1: // letters, or spaces, up to where the buffer ends, more or less
			n := chunk - len(text)%chunk + r.IntN(200) - 100
			text = append(text, strings.Repeat([]string{"x", " ", "\u2003"}[r.IntN(3)], max(n, 0)/3)...)
		default:
			text = append(text, s...)
		}
	}
	want := oracle(text)
	table := New()
	for _, size := range []int64{1009, 4096, 65537, chunk - 3, chunk - 1, chunk, chunk + 1, 3 * chunk, 100 * chunk} {
		table.Reset()
		splits(t, table, text, size)
		same(t, table, maps.Clone(want))
	}
}

// The first word starts where the first group of blocks ends.
func TestSplitStartsFarFromAWord(t *testing.T) {
	for _, filler := range []string{"w", " ", "\u3000"} {
		text := "w" + strings.Repeat(filler, group*block/len(filler)) + " x y"
		table, r := New(), strings.NewReader(text)
		for off := int64(1); off < 20; off++ {
			if n, err := table.Split(r, off, r.Size(), r.Size()); n != 2 || err != nil {
				t.Fatalf("%q from %d: %d words, %v", filler, off, n, err)
			}
		}
	}
}

func TestSplitOutsideTheFile(t *testing.T) {
	table, r := New(), strings.NewReader("some words")
	for _, s := range [][2]int64{{10, 5}, {11, 1 << 62}, {3, 0}, {0, 0}} {
		if n, err := table.Split(r, s[0], s[1], 10); n > 0 || err != nil {
			t.Errorf("%v: %d words, %v", s, n, err)
		}
	}
	if n, err := table.Split(r, 1, 1<<63-1, 10); n != 1 || err != nil {
		t.Errorf("the rest of the file: %d words, %v", n, err)
	}
}

func TestWordLimit(t *testing.T) {
	longest := strings.Repeat("w", MaxWord)
	for _, text := range []string{longest, "a " + longest, longest + " b", "a " + longest + "\u3000b"} {
		for _, size := range []int64{300_000, MaxWord - 1, MaxWord + 1, 3 * MaxWord} {
			table := New()
			splits(t, table, []byte(text), size)
			if got, want := counts(table), oracle([]byte(text)); !maps.Equal(got, want) {
				t.Fatalf("splits of %d: %d words, want %d", size, len(got), len(want))
			}
		}
	}
	for _, tail := range []string{"", " ", " b", "\u3000b", strings.Repeat("w", 3*MaxWord)} {
		text := []byte("a b " + longest + "w" + tail)
		for _, size := range []int64{4, 5, 300_000, MaxWord + 5, 5 * MaxWord} {
			failed := 0
			for off := int64(0); off < int64(len(text)); off += size {
				_, err := New().Split(bytes.NewReader(text), off, size, int64(len(text)))
				var long *WordTooLongError
				switch owner := off <= 4 && 4 < off+size; {
				case owner && errors.As(err, &long) && long.Offset == 4:
					failed++
				case owner || err != nil:
					t.Fatalf("split at %d of %d: %v", off, size, err)
				}
				if size < 1000 && off > 1000 {
					break
				}
			}
			if failed != 1 {
				t.Fatalf("%d splits of %d failed", failed, size)
			}
		}
	}
}

// oddReader gives a few bytes at a time, and fails at an offset.
type oddReader struct {
	r    io.ReaderAt
	step int
	fail int64 // 0: never
	err  error
}

func (o oddReader) ReadAt(p []byte, off int64) (int, error) {
	if o.fail > 0 && off+int64(len(p)) > o.fail {
		n, _ := o.r.ReadAt(p[:max(o.fail-off, 0)], off)
		return n, o.err
	}
	if o.step > 0 && len(p) > o.step {
		n, _ := o.r.ReadAt(p[:o.step], off)
		return n, nil
	}
	return o.r.ReadAt(p, off)
}

func TestReaders(t *testing.T) {
	text := bytes.Repeat([]byte("some words of a text "), 50_000)
	size := int64(len(text))
	broken := errors.New("broken disk")
	for name, c := range map[string]struct {
		r    io.ReaderAt
		size int64
		want error
	}{
		"short reads":    {oddReader{r: bytes.NewReader(text), step: 1000}, size, nil},
		"no progress":    {oddReader{r: bytes.NewReader(text), fail: 1}, size, io.ErrNoProgress},
		"error":          {oddReader{r: bytes.NewReader(text), fail: size / 2, err: broken}, size, broken},
		"error at once":  {oddReader{r: bytes.NewReader(text), fail: 1, err: broken}, size, broken},
		"shrunk":         {bytes.NewReader(text), size + 1, io.ErrUnexpectedEOF},
		"shrunk by half": {oddReader{r: bytes.NewReader(text), fail: size / 2, err: io.EOF}, size, io.ErrUnexpectedEOF},
		"empty":          {bytes.NewReader(nil), 0, nil},
	} {
		table := New()
		n, err := table.Split(c.r, 0, c.size, c.size)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil && n != table.Tokens() {
			t.Errorf("%s: %d tokens, the table says %d", name, n, table.Tokens())
		}
		if err == nil && !maps.Equal(counts(table), oracle(text[:c.size])) {
			t.Errorf("%s: wrong counts", name)
		}
	}
}

// readerAt records how far it was read.
type readerAt struct {
	io.ReaderAt
	from, to int64
}

func (r *readerAt) ReadAt(p []byte, off int64) (int, error) {
	r.from, r.to = min(r.from, off), max(r.to, off+int64(len(p)))
	return r.ReaderAt.ReadAt(p, off)
}

func TestOnlyTheSplitIsRead(t *testing.T) {
	words := bytes.Repeat([]byte("word "), 1<<18)
	noEnd := bytes.Repeat([]byte("w"), 1<<20)
	for _, c := range []struct {
		text   []byte
		off, n int64
	}{
		{words, 100_000, 100},
		{words, 100_000, 600_000},
		{noEnd, 100_000, 100}, // inside a word that another split owns
		{noEnd, 100_000, 600_000},
	} {
		r := &readerAt{bytes.NewReader(c.text), 1 << 60, 0}
		if _, err := New().Split(r, c.off, c.n, int64(len(c.text))); err != nil {
			t.Error(err)
		}
		if r.from < c.off-behind || r.to > c.off+c.n+beyond {
			t.Errorf("split %d+%d read %d to %d", c.off, c.n, r.from, r.to)
		}
	}
}

// endless is a file without white space. It can't be read to its end.
type endless struct{}

func (endless) ReadAt(p []byte, off int64) (int, error) {
	if off > 2*MaxWord {
		return 0, errors.New("read too far")
	}
	for i := range p {
		p[i] = 'w'
	}
	return len(p), nil
}

func TestEndlessWord(t *testing.T) {
	table := New()
	_, err := table.Split(endless{}, 0, 1<<40, 1<<40)
	var long *WordTooLongError
	if !errors.As(err, &long) || long.Offset != 0 {
		t.Error(err)
	}
	if n := table.Bytes(); n > 4*MaxWord {
		t.Errorf("%d bytes are held", n)
	}
}

func FuzzSplit(f *testing.F) {
	for i, text := range texts {
		f.Add([]byte(text), uint16(i+1), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint16, times uint8) {
		table := seeded(seedOf(uint64(size)))
		text = bytes.Repeat(text, 1+int(times)) // to fill groups of blocks
		splits(t, table, text, max(int64(size), int64(len(text)/500), 1))
		same(t, table, oracle(text))
	})
}
