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

// merge adds the counts of a blob: all of them, or none if the blob isn't sound.
func merge(t *Table, blob []byte) error {
	if _, _, err := unpacked(bytes.NewReader(blob), 0); err != nil {
		return err
	}
	var u Unpacker
	u.Reset(bytes.NewReader(blob))
	for s, err := u.Next(); err == nil; s, err = u.Next() {
		t.MergeStep(s)
	}
	return nil
}

// blobsOf are the blobs of a table, nil for a partition that has no words.
func blobsOf(t *Table, parts int) (blobs [][]byte) {
	for _, b := range t.Pack(Partitioner{parts: parts}) {
		blobs = append(blobs, b.Bytes)
	}
	return blobs
}

func partition(word []byte, parts int) int { return Partitioner{parts: parts}.Of(word) }

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

func TestUnpackerRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":               "",
		"a word longer than it": "\x01\x01\x81\x80\x40" + strings.Repeat("w", 2*MaxWord),
		"a word without an end": "\x01\x01\xff\xff\x3f" + strings.Repeat("w", 100),
		"much after the last":   "\x01\x01\x02to\x01" + strings.Repeat("w", 3*MaxWord),
	} {
		if table, _, err := unpacked(strings.NewReader(b), 0); !errors.Is(err, ErrBlob) {
			t.Errorf("%s: %v, and %d words", name, err, table.Len())
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

func FuzzUnpack(f *testing.F) {
	for i, text := range texts {
		table := New()
		splits(f, table, []byte(text), 1000)
		if b := blobsOf(table, 1)[0]; b != nil {
			f.Add(b, uint16(i))
			f.Add(b[:len(b)-1], uint16(i))
		}
	}
	f.Fuzz(func(t *testing.T, blob []byte, step uint16) {
		merged := New()
		mergeErr := merge(merged, blob)
		table, _, err := unpacked(iotest.DataErrReader(bytes.NewReader(blob)), int(step))
		switch {
		case mergeErr != nil && !errors.Is(err, ErrBlob):
			t.Fatalf("in one step %v, in small ones %v", mergeErr, err)
		case mergeErr == nil && err != nil:
			t.Fatalf("it fails only in small steps: %v", err)
		case mergeErr == nil && (!maps.Equal(counts(table), counts(merged)) || table.Tokens() != merged.Tokens()):
			t.Fatalf("got %v, want %v", counts(table), counts(merged))
		}
	})
}

func FuzzPackOfARun(f *testing.F) {
	for i, text := range texts {
		f.Add([]byte(text), uint8(i), "run")
	}
	f.Fuzz(func(t *testing.T, text []byte, parts uint8, run string) {
		table, merged := New(), New()
		splits(t, table, text, 1000)
		p := NewPartitioner(run, int(parts)+1)
		for i, b := range table.Pack(p) {
			if b.Bytes == nil {
				if b.Words != 0 || b.Tokens != 0 {
					t.Fatalf("no blob, and %d words", b.Words)
				}
				continue
			}
			part := New()
			if err := merge(part, b.Bytes); err != nil {
				t.Fatal(err)
			}
			if part.Len() != int(b.Words) || part.Tokens() != b.Tokens {
				t.Fatalf("a blob of %d words and %d tokens is said to have %d and %d", part.Len(), part.Tokens(), b.Words, b.Tokens)
			}
			for w := range part.All() {
				if p.Of(w) != i {
					t.Fatalf("%q of partition %d is in blob %d", w, p.Of(w), i)
				}
			}
			if err := merge(merged, b.Bytes); err != nil {
				t.Fatal(err)
			}
		}
		same(t, merged, counts(table))
	})
}
