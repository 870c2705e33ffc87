package count

import (
	"bytes"
	"errors"
	"maps"
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
		blobs := table.Pack(parts)
		if len(blobs) != parts {
			t.Fatalf("%d blobs of %d partitions", len(blobs), parts)
		}
		for i, b := range blobs {
			if b == nil {
				continue
			}
			part := New()
			if err := part.Merge(b); err != nil {
				t.Fatal(err)
			}
			for w := range part.All() {
				if Partition(w, parts) != i {
					t.Fatalf("%q of partition %d is in blob %d", w, Partition(w, parts), i)
				}
			}
			if err := merged.Merge(b); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(counts(table), counts(merged)) || table.Tokens() != merged.Tokens() || table.Len() != merged.Len() {
			t.Fatalf("%d parts: got %v, want %v", parts, counts(merged), counts(table))
		}
	}
}

func TestMergeTruncated(t *testing.T) {
	table := New()
	splits(t, table, []byte(texts[3]), 1000)
	blob := table.Pack(1)[0]
	table.Reset()
	for n := range blob {
		if err := table.Merge(blob[:n]); !errors.Is(err, ErrBlob) {
			t.Fatalf("%d of %d bytes: %v", n, len(blob), err)
		}
	}
	if err := table.Merge(append(bytes.Clone(blob), 0)); !errors.Is(err, ErrBlob) {
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
		table, merged := New(), New()
		splits(t, table, text, 1000)
		table.Add([]byte("n"), n>>11)
		for _, b := range table.Pack(int(parts) + 1) {
			if b == nil {
				continue
			}
			if err := merged.Merge(b); err != nil {
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
		if b := table.Pack(1)[0]; b != nil {
			f.Add(b)
		}
	}
	f.Add([]byte{BlobVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{BlobVersion, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a', 1})
	f.Fuzz(func(t *testing.T, blob []byte) {
		table := New()
		if err := table.Merge(blob); err != nil {
			if !errors.Is(err, ErrBlob) || table.Len() > 0 || table.Tokens() > 0 {
				t.Fatalf("%v, and %d words", err, table.Len())
			}
			return
		}
		if table.Len() == 0 {
			t.Fatal("a sound blob has words")
		}
		again := New()
		if err := again.Merge(table.Pack(1)[0]); err != nil || !maps.Equal(counts(table), counts(again)) {
			t.Fatalf("%v: got %v, want %v", err, counts(again), counts(table))
		}
	})
}
