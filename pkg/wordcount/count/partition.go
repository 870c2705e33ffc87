package count

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// PartitionVersion names the rule of Partitioner.Of. It is part of a job's identity: programs that
// partition differently must not share a job.
const PartitionVersion = 2

// A Partitioner says to which of the partitions of a run a word belongs. It is the same in all
// processes of the run. Nobody knows it before the run begins, so nobody can write a text whose
// words all fall into one partition.
type Partitioner struct {
	seed  uint64
	parts int
}

// NewPartitioner returns the partitioner of a run, which is named by a nonce, with parts partitions.
func NewPartitioner(run string, parts int) Partitioner {
	return Partitioner{xxhash.Sum64String(run), parts}
}

// Parts returns the number of partitions.
func (p Partitioner) Parts() int { return p.parts }

// Of returns the partition of a word, from 0: XXH64 of the word, with the XXH64 of the run as the
// seed, taken as a fraction of 2^64, times the number of partitions, rounded down.
func (p Partitioner) Of(word []byte) int {
	part, _ := p.place(word)
	return int(part)
}

// place returns the partition of a word, and where in it the word lies, as a fraction of 2^64. That
// is as even and as unknown as the partitions are.
func (p Partitioner) place(word []byte) (part, within uint64) {
	var d xxhash.Digest
	d.ResetWithSeed(p.seed)
	d.Write(word)
	return bits.Mul64(d.Sum64(), uint64(p.parts))
}
