package count

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// PartitionVersion names the rule of Partition. It is part of a job's identity:
// programs that partition differently must not share a job.
const PartitionVersion = 1

// Partition returns which of parts partitions a word belongs to, from 0. It is
// the same on every machine and for ever: XXH64 of the word, with seed 0, taken
// as a fraction of 2^64, times parts, rounded down.
func Partition(word []byte, parts int) int {
	p, _ := bits.Mul64(xxhash.Sum64(word), uint64(parts))
	return int(p)
}
