package count

import (
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
)

const (
	aRun       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	anotherRun = "ABCDEFGHIJKLMNOPQRSTUVWXY2"
)

// The values follow from XXH64; the processes of a run may be of different builds.
func TestThePartitionsOfARunAreTheSameEverywhere(t *testing.T) {
	for word, want := range map[string]int{"a": 5, "the": 17, "abc": 24, "\xff\x00": 59, "fifteen-bytes--": 9, "sixteen-bytes---": 15} {
		if got := NewPartitioner(aRun, 64).Of([]byte(word)); got != want {
			t.Errorf("%q of 64: %d, want %d", word, got, want)
		}
	}
}

func TestAPartitionerWithoutASeedIsXXH64(t *testing.T) {
	for i := range 100 {
		word := fmt.Append(nil, i, "word"[:i%5], i*i)
		if got, want := (Partitioner{parts: 1 << 32}).Of(word), int(xxhash.Sum64(word)>>32); got != want {
			t.Errorf("%q: %#x, want %#x", word, got, want)
		}
	}
}

func TestPartitionsOfARunAreEven(t *testing.T) {
	for _, parts := range []int{1, 3, 100} {
		p := NewPartitioner(aRun, parts)
		n := make([]int, parts)
		for i := range 1000 * parts {
			n[p.Of(fmt.Append(nil, i))]++
		}
		for i, n := range n {
			if n < 850 || n > 1150 {
				t.Errorf("partition %d of %d has %d of %d words", i, parts, n, 1000*parts)
			}
		}
	}
}

func TestFault64WordsThatMeetInOneRunDoNotMeetInAnother(t *testing.T) {
	const parts = 16
	one, other := NewPartitioner(aRun, parts), NewPartitioner(anotherRun, parts)
	n := make([]int, parts)
	met := 0
	for i := range 100_000 {
		if word := fmt.Append(nil, i); one.Of(word) == 5 {
			n[other.Of(word)]++
			met++
		}
	}
	for i, n := range n {
		if n > 2*met/parts {
			t.Errorf("%d of %d words of one partition fall into partition %d of another run", n, met, i)
		}
	}
}
