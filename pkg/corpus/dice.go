package corpus

import (
	"math/bits"
	"math/rand/v2"
)

// dice is the source of all chance here. It uses PCG directly, because PCG is specified bit by bit.
// The methods of rand.Rand that choose from a range are not.
type dice struct{ *rand.PCG }

// newDice gives each (seed, stream) its own sequence. PCG starts from two numbers of 64 bits. The
// multiplication spreads the stream's number over all bits of the second one.
func newDice(seed, stream uint64) dice {
	return dice{rand.NewPCG(seed, (stream+1)*0x9e3779b97f4a7c15)} // 2^64 / golden ratio
}

// below returns a random number from 0 to n-1.
func (d dice) below(n int) int {
	hi, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(hi)
}

// oneIn returns true with a chance of 1 in n.
func (d dice) oneIn(n int) bool { return d.below(n) == 0 }

// oneOf returns a random entry of a list.
func (d dice) oneOf(list []string) string { return list[d.below(len(list))] }
