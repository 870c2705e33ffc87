package corpus

import (
	"math/bits"
	"math/rand/v2"
)

// dice are the source of all chance here. PCG is specified bit by bit, as the
// methods of rand.Rand that would choose from a range are not.
type dice struct{ *rand.PCG }

// newDice gives each (seed, stream) its own sequence. A seed is all that PCG
// starts from, so the number of the stream is spread over all 64 bits of it.
func newDice(seed, stream uint64) dice {
	return dice{rand.NewPCG(seed, (stream+1)*0x9e3779b97f4a7c15)} // 2^64 / golden ratio
}

// below draws a number from 0 to n-1.
func (d dice) below(n int) int {
	hi, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(hi)
}

// oneIn is true once in n times.
func (d dice) oneIn(n int) bool { return d.below(n) == 0 }

// oneOf draws from a list.
func (d dice) oneOf(list []string) string { return list[d.below(len(list))] }
