package count

import (
	"fmt"
	"testing"
)

// The values follow from XXH64; jobs that run depend on them.
func TestPartitionIsForEver(t *testing.T) {
	for word, hash := range map[string]uint64{ // with seed 0
		"a":   0xd24ec4f1a98c6e5b,
		"abc": 0x44bc2cf5ad770999,
		"Nobody inspects the spammish repetition": 0xfbcea83c8a378bf1,
	} {
		if got := Partition([]byte(word), 1<<32); got != int(hash>>32) {
			t.Errorf("%s: %#x, want %#x", word, got, hash>>32)
		}
	}
	for word, want := range map[string]int{"a": 52, "the": 18, "abc": 17, "\xff\x00": 8, "fifteen-bytes--": 6, "sixteen-bytes---": 3} {
		if got := Partition([]byte(word), 64); got != want {
			t.Errorf("%q of 64: %d, want %d", word, got, want)
		}
	}
}

func TestPartitionsAreEven(t *testing.T) {
	for _, parts := range []int{1, 3, 100} {
		n := make([]int, parts)
		for i := range 1000 * parts {
			n[Partition(fmt.Append(nil, i), parts)]++
		}
		for p, n := range n {
			if n < 850 || n > 1150 {
				t.Errorf("partition %d of %d has %d of %d words", p, parts, n, 1000*parts)
			}
		}
	}
}
