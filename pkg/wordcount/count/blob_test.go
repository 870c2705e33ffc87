package count

import (
	"errors"
	"testing"
)

// repacked packs a table and adds up its blobs. It checks what each of them says and holds.
func repacked(t *testing.T, table *Table, p Partitioner) *Table {
	t.Helper()
	blobs, sum := table.Pack(p), New()
	if len(blobs) != p.Parts() {
		t.Fatalf("%d blobs of %d partitions", len(blobs), p.Parts())
	}
	for i, b := range blobs {
		if b.Bytes == nil {
			if b.Words != 0 || b.Tokens != 0 {
				t.Fatalf("no blob, and %d words, %d tokens", b.Words, b.Tokens)
			}
			continue
		}
		part := New()
		if err := errors.Join(merge(part, b.Bytes), merge(sum, b.Bytes)); err != nil {
			t.Fatal(err)
		}
		if uint64(part.Len()) != b.Words || part.Tokens() != b.Tokens {
			t.Fatalf("a blob of %d words, %d tokens is said to have %d and %d", part.Len(), part.Tokens(), b.Words, b.Tokens)
		}
		for w := range part.All() {
			if p.Of(w) != i {
				t.Fatalf("%q of partition %d is in blob %d", w, p.Of(w), i)
			}
		}
	}
	return sum
}

func TestWhatIsPackedIsMerged(t *testing.T) {
	table := New()
	for _, text := range texts {
		splits(t, table, []byte(text), 1000)
	}
	table.Add([]byte("often"), 1<<52)
	for _, parts := range []int{1, 2, 7, 1000} {
		same(t, repacked(t, table, NewPartitioner(aRun, parts)), counts(table))
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

func FuzzPack(f *testing.F) {
	for i, text := range texts {
		f.Add([]byte(text), uint8(i), uint64(i)<<31, aRun)
	}
	f.Fuzz(func(t *testing.T, text []byte, parts uint8, n uint64, run string) {
		table := seeded(seedOf(n))
		splits(t, table, text, 1000)
		table.Add([]byte("n"), n>>11)
		same(t, repacked(t, table, NewPartitioner(run, int(parts)+1)), counts(table))
	})
}
