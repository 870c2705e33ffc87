package count

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// PartitionVersion names the rule of Partition. It is part of a job's identity:
// two programs that differ in it must not share a job.
const PartitionVersion = 1

// Partition returns the partition, from 0 to parts-1, that word belongs to. The
// answer is the same on every machine: the high half of XXH64(word, seed 0)
// times parts.
func Partition(word []byte, parts int) int {
	hi, _ := bits.Mul64(xxhash.Sum64(word), uint64(parts))
	return int(hi)
}
