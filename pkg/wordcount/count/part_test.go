package count

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// mergePart merges a part of a blob, and reports whether that fitted.
func (t *Table) mergePart(tb testing.TB, blob []byte, part Part, room int) (fits bool) {
	tb.Helper()
	u := Unpacker{step: 4096}
	u.Reset(bytes.NewReader(blob))
	s, err := u.Next()
	for ; err == nil; s, err = u.Next() {
		if !t.MergePart(s, part, room) {
			return false
		}
	}
	if !errors.Is(err, io.EOF) {
		tb.Fatal(err)
	}
	return true
}

// someWords are short words and long ones, the i-th of them i times.
func someWords(n int) *Table {
	t := New()
	for i := range n {
		t.Add([]byte(fmt.Sprintf("%d", i)+strings.Repeat("x", i%3*20)), uint64(i+1))
	}
	return t
}

func TestThePartsOfAPartitionHaveEachOfItsWordsOnce(t *testing.T) {
	const words = 3000
	all := someWords(words)
	of := NewPartitioner(aRun, 1)
	blob := all.Pack(of)[0].Bytes
	for halvings := range 5 {
		part := of.Whole()
		for range halvings {
			part, _ = part.Half()
		}
		seen, parts := map[string]uint64{}, 0
		for last := false; !last; part = part.Next() {
			table := New()
			if !table.mergePart(t, blob, part, 1<<30) {
				t.Fatal("a part doesn't fit")
			}
			if even := words >> halvings; table.Len() < even/2 || table.Len() > even*3/2 {
				t.Errorf("one of %d parts has %d of %d words", 1<<halvings, table.Len(), words)
			}
			for w, n := range table.All() {
				seen[string(w)] += n
			}
			parts++
			last = part.IsLast()
		}
		if parts != 1<<halvings || len(seen) != words {
			t.Errorf("%d parts have %d words", parts, len(seen))
		}
		for w, n := range all.All() {
			if seen[string(w)] != n {
				t.Errorf("%d parts have %q %d times, not %d", parts, w, seen[string(w)], n)
			}
		}
	}
}

func TestAPartThatIsOneHashCannotBeHalved(t *testing.T) {
	part := NewPartitioner(aRun, 1).Whole()
	halvings := 0
	for ok := true; ok; part, ok = part.Half() {
		halvings++
	}
	if halvings != 65 || part.IsLast() {
		t.Errorf("%+v after %d halvings", part, halvings)
	}
}

func TestATableAndItsRankingTakeNoMoreThanTheirRoom(t *testing.T) {
	const room = 12 << 20
	for what, size := range map[string]int{"short words": 8, "longer words": 30, "long words": 1000} {
		t.Run(what, func(t *testing.T) {
			all := New()
			for i := range 20 << 20 / max(size, 64) {
				all.Add(fmt.Appendf(nil, "%0*d", size, i), 1)
			}
			of := NewPartitioner(aRun, 1)
			blob, part := all.Pack(of)[0].Bytes, of.Whole()
			table := New()
			for !table.mergePart(t, blob, part, room) {
				if table.Bytes() > room+arenaChunk {
					t.Errorf("a table of %d bytes in a room of %d", table.Bytes(), room)
				}
				table.Reset()
				part, _ = part.Half()
			}
			var ranking Ranking
			ranking.Add(table)
			if took := table.Bytes() + ranking.Bytes(); took > room*9/8 || table.Len() == 0 {
				t.Errorf("%d words take %d bytes in a room of %d", table.Len(), took, room)
			}
		})
	}
}

func TestWhatIsPackedTakesNoMoreThanIsForeseen(t *testing.T) {
	table := someWords(10_000)
	size := 0
	for _, b := range table.Pack(NewPartitioner(aRun, 16)) {
		if cap(b.Bytes) != len(b.Bytes) {
			t.Errorf("%d bytes for a blob of %d", cap(b.Bytes), len(b.Bytes))
		}
		size += len(b.Bytes)
	}
	if size += 4 * table.Len(); size > table.Packed() {
		t.Errorf("%d bytes were packed, and %d foreseen", size, table.Packed())
	}
}
