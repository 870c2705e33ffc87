package count

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestPackAndMerge(t *testing.T) {
	table := New()
	for _, text := range texts {
		splits(t, table, []byte(text), 1000)
	}
	table.Add([]byte("often"), 1<<52)
	for _, parts := range []int{1, 2, 7, 1000} {
		merged := New()
		blobs := blobsOf(table, parts)
		if len(blobs) != parts {
			t.Fatalf("%d blobs of %d partitions", len(blobs), parts)
		}
		for i, b := range blobs {
			if b == nil {
				continue
			}
			part := New()
			if err := merge(part, b); err != nil {
				t.Fatal(err)
			}
			for w := range part.All() {
				if partition(w, parts) != i {
					t.Fatalf("%q of partition %d is in blob %d", w, partition(w, parts), i)
				}
			}
			if err := merge(merged, b); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(counts(table), counts(merged)) || table.Tokens() != merged.Tokens() || table.Len() != merged.Len() {
			t.Fatalf("%d parts: got %v, want %v", parts, counts(merged), counts(table))
		}
	}
}

func TestBlobFormat(t *testing.T) {
	table := New()
	table.Add([]byte("to"), 1)
	if b := blobsOf(table, 1)[0]; string(b) != "\x01\x01\x02to\x01" {
		t.Errorf("%q", b)
	}
	table.Reset()
	table.Add([]byte("a-word-of-more-than-fifteen-bytes"), 300)
	if b := blobsOf(table, 1)[0]; string(b) != "\x01\x01\x21a-word-of-more-than-fifteen-bytes\xac\x02" {
		t.Errorf("%q", b)
	}
	table.Reset()
	if b := blobsOf(table, 2); len(b) != 2 || b[0] != nil || b[1] != nil {
		t.Errorf("no words: %q", b)
	}
}

func TestMergeRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":             "",
		"another version":     "\x02\x01\x02to\x01",
		"no words":            "\x01\x00",
		"fewer words":         "\x01\x02\x02to\x01",
		"more words":          "\x01\x01\x02to\x01\x02be\x01",
		"an empty word":       "\x01\x01\x00\x01",
		"a count of none":     "\x01\x01\x02to\x00",
		"a word out of it":    "\x01\x01\x05to\x01",
		"a word too long":     "\x01\x01\x81\x80\x40" + strings.Repeat("w", MaxWord+1) + "\x01",
		"a number too long":   "\x01\x01\x02to\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		"a number cut":        "\x01\x01\x02to\x80",
		"words without bound": "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02to\x01",
		"the second unsound":  "\x01\x02\x02to\x01\x02be\x00",
	} {
		table := New()
		if err := merge(table, []byte(b)); !errors.Is(err, ErrBlob) {
			t.Errorf("%s: %v", name, err)
		}
		same(t, table, map[string]uint64{})
	}
}

func TestMergeTruncated(t *testing.T) {
	table := New()
	splits(t, table, []byte(texts[3]), 1000)
	blob := blobsOf(table, 1)[0]
	table.Reset()
	for n := range blob {
		if err := merge(table, blob[:n]); !errors.Is(err, ErrBlob) {
			t.Fatalf("%d of %d bytes: %v", n, len(blob), err)
		}
	}
	if err := merge(table, append(bytes.Clone(blob), 0)); !errors.Is(err, ErrBlob) {
		t.Fatalf("a byte too many: %v", err)
	}
	if table.Len() != 0 || table.Tokens() != 0 {
		t.Fatal("unsound blobs were added")
	}
}

func FuzzPack(f *testing.F) {
	for i, text := range texts {
		f.Add([]byte(text), uint8(i), uint64(i)<<31)
	}
	f.Fuzz(func(t *testing.T, text []byte, parts uint8, n uint64) {
		table, merged := seeded(seedOf(n)), seeded(seedOf(n+1))
		splits(t, table, text, 1000)
		table.Add([]byte("n"), n>>11)
		for _, b := range blobsOf(table, int(parts)+1) {
			if b == nil {
				continue
			}
			if err := merge(merged, b); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(counts(table), counts(merged)) {
			t.Fatalf("got %v, want %v", counts(merged), counts(table))
		}
	})
}

func FuzzMerge(f *testing.F) {
	for _, text := range texts {
		table := New()
		splits(f, table, []byte(text), 1000)
		if b := blobsOf(table, 1)[0]; b != nil {
			f.Add(b)
		}
	}
	f.Add([]byte{BlobVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{BlobVersion, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a', 1})
	f.Fuzz(func(t *testing.T, blob []byte) {
		table := New()
		if err := merge(table, blob); err != nil {
			if !errors.Is(err, ErrBlob) || table.Len() > 0 || table.Tokens() > 0 {
				t.Fatalf("%v, and %d words", err, table.Len())
			}
			return
		}
		if table.Len() == 0 {
			t.Fatal("a sound blob has words")
		}
		again := New()
		if err := merge(again, blobsOf(table, 1)[0]); err != nil || !maps.Equal(counts(table), counts(again)) {
			t.Fatalf("%v: got %v, want %v", err, counts(again), counts(table))
		}
	})
}
