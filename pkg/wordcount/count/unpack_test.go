package count

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
)

// unpacked merges a blob step by step. It also counts what the steps say of themselves.
func unpacked(from io.Reader, step int) (table *Table, words map[string]uint64, err error) {
	table, words = New(), map[string]uint64{}
	u := Unpacker{step: step}
	u.Reset(from)
	for {
		s, err := u.Next()
		if errors.Is(err, io.EOF) {
			return table, words, nil
		}
		if err != nil {
			return table, words, err
		}
		n, tokens := 0, uint64(0)
		for w, c := range s.All() {
			words[string(w)] += c
			n++
			tokens += c
		}
		if n != s.Words || tokens != s.Tokens || n == 0 {
			return table, words, errors.New("a step that doesn't say what it holds")
		}
		table.MergeStep(s)
	}
}

// mergeAll adds all that u has to read.
func (t *Table) mergeAll(u *Unpacker) error {
	s, err := u.Next()
	for ; err == nil; s, err = u.Next() {
		t.MergeStep(s)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// merge adds a blob. If the blob isn't sound, the table then holds any part of it.
func merge(t *Table, blob []byte) error {
	var u Unpacker
	u.Reset(bytes.NewReader(blob))
	return t.mergeAll(&u)
}

// blobsOf are the blobs of a table, nil for a partition that has no words.
func blobsOf(t *Table, parts int) (blobs [][]byte) {
	for _, b := range t.Pack(Partitioner{parts: parts}) {
		blobs = append(blobs, b.Bytes)
	}
	return blobs
}

func TestUnpackerYieldsWhatWasPackedInStepsOfAnySize(t *testing.T) {
	table := New()
	splits(t, table, []byte(texts[3]), 1000)
	table.Add([]byte("often"), 1<<52)
	table.Add(bytes.Repeat([]byte("l"), 5000), 7)
	blob := blobsOf(table, 1)[0]
	for _, step := range []int{1, 7, 100, 4096, 0} {
		got, words, err := unpacked(bytes.NewReader(blob), step)
		if err != nil {
			t.Fatalf("steps of %d: %v", step, err)
		}
		same(t, got, counts(table))
		if !maps.Equal(words, counts(table)) {
			t.Fatalf("steps of %d yield %v", step, words)
		}
	}
}

func TestUnpackerHoldsTheLongestWord(t *testing.T) {
	table := New()
	for _, letter := range []string{"a", "b", "c"} {
		table.Add([]byte(strings.Repeat(letter, MaxWord)), 1<<63)
	}
	got, _, err := unpacked(bytes.NewReader(blobsOf(table, 1)[0]), 0)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, counts(table))
}

func TestWhatIsNoBlobIsRefused(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":                     "",
		"another version":             "\x02\x01\x02to\x01",
		"no words":                    "\x01\x00",
		"fewer words":                 "\x01\x02\x02to\x01",
		"more words":                  "\x01\x01\x02to\x01\x02be\x01",
		"an empty word":               "\x01\x01\x00\x01",
		"a count of none":             "\x01\x01\x02to\x00",
		"a word out of it":            "\x01\x01\x05to\x01",
		"a word too long":             "\x01\x01\x81\x80\x40" + strings.Repeat("w", MaxWord+1) + "\x01",
		"a number too long":           "\x01\x01\x02to\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		"a number cut":                "\x01\x01\x02to\x80",
		"words without bound":         "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02to\x01",
		"the second unsound":          "\x01\x02\x02to\x01\x02be\x00",
		"a word longer than a buffer": "\x01\x01\x81\x80\x40" + strings.Repeat("w", 2*MaxWord),
		"a word without an end":       "\x01\x01\xff\xff\x3f" + strings.Repeat("w", 100),
		"much after the last":         "\x01\x01\x02to\x01" + strings.Repeat("w", 3*MaxWord),
	} {
		if err := merge(New(), []byte(b)); !errors.Is(err, ErrBlob) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABlobThatIsCutAnywhereIsRefused(t *testing.T) {
	table := New()
	splits(t, table, []byte(texts[3]), 1000)
	blob := blobsOf(table, 1)[0]
	for _, step := range []int{1, 7, 0} {
		for n := range blob {
			if _, _, err := unpacked(bytes.NewReader(blob[:n]), step); !errors.Is(err, ErrBlob) {
				t.Fatalf("%d of %d bytes, in steps of %d: %v", n, len(blob), step, err)
			}
		}
		if _, _, err := unpacked(bytes.NewReader(append(bytes.Clone(blob), 0)), step); !errors.Is(err, ErrBlob) {
			t.Fatalf("a byte too many, in steps of %d: %v", step, err)
		}
	}
}

func TestUnpackerEndsWithTheErrorOfItsReader(t *testing.T) {
	broken := errors.New("broken")
	_, words, err := unpacked(io.MultiReader(strings.NewReader("\x01\x02\x02to\x01"), iotest.ErrReader(broken)), 0)
	if !errors.Is(err, broken) || words["to"] != 1 {
		t.Errorf("%v, and %v", err, words)
	}
	if _, _, err := unpacked(strings.NewReader("\x01\x02\x02to\x01\x02be\x01"), 0); err != nil {
		t.Error(err)
	}
	var none Unpacker
	if _, err := none.Next(); !errors.Is(err, ErrBlob) {
		t.Errorf("without a reader: %v", err)
	}
}

// FuzzUnpack reads any bytes as a blob, in one step and in small ones. What is accepted is packed and
// read again.
func FuzzUnpack(f *testing.F) {
	for i, text := range texts {
		table := New()
		splits(f, table, []byte(text), 1000)
		if b := blobsOf(table, 1)[0]; b != nil {
			f.Add(b, uint16(i))
			f.Add(b[:len(b)-1], uint16(i))
		}
	}
	f.Add([]byte{BlobVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, uint16(0))
	f.Add([]byte{BlobVersion, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a', 1}, uint16(0))
	f.Fuzz(func(t *testing.T, blob []byte, step uint16) {
		whole, again := New(), New()
		wholeErr := merge(whole, blob)
		table, words, err := unpacked(iotest.DataErrReader(bytes.NewReader(blob)), int(step))
		if wholeErr != nil || err != nil {
			if !errors.Is(wholeErr, ErrBlob) || !errors.Is(err, ErrBlob) {
				t.Fatalf("in one step %v, in small ones %v", wholeErr, err)
			}
			return
		}
		if whole.Len() == 0 {
			t.Fatal("a sound blob has words")
		}
		if !maps.Equal(words, counts(whole)) {
			t.Fatalf("small steps yield %v, want %v", words, counts(whole))
		}
		same(t, table, counts(whole))
		for _, n := range words {
			if n == 0 {
				return // counts of one word that come to 2^64: no table of a text has them
			}
		}
		if err := merge(again, blobsOf(table, 1)[0]); err != nil {
			t.Fatal(err)
		}
		same(t, again, counts(table))
	})
}
