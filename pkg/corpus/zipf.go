package corpus

import (
	"math"
	"math/bits"
)

// zipf draws a rank, 0 being the commonest, in constant time: by Walker's alias
// method. Picture one column per rank, all of the same height. A rare rank
// leaves room in its column, which a common one fills up. To draw is to pick a
// column, and then one of the two who live there.
type zipf []column

type column struct {
	own   uint32 // the part of the column, in 2^-32, that is the rank's own
	other uint32 // the rank that has the rest
}

// draw turns random bits into a rank. It spends the upper ones: the lowest eight
// next to never matter, even with the largest vocabulary, and are free to decide
// something else.
func (z zipf) draw(random uint64) int {
	home, within := bits.Mul64(random, uint64(len(z)))
	c := z[home]
	rank := uint32(home)
	if uint32(within>>32) >= c.own {
		rank = c.other
	}
	return int(rank)
}

// newZipf gives rank r a chance in proportion to (r+2)^-s. (Zipf's own law has
// r+1, and with it the commonest word would be every ninth, twice as common as
// "the" is in English.)
func newZipf(n int, s float64) zipf {
	// From here on all numbers are integers, so that no rounding can differ.
	// A weight is below 2^36 and n at most 2^24: the products stay below 2^60.
	weights := make([]uint64, n)
	var height uint64 // of each column: the mean weight, times n
	for r := range weights {
		weights[r] = max(1, uint64(power(r+2, s)*(1<<36)))
		height += weights[r]
	}

	z := make(zipf, n)
	var poor, rich []int
	for r := range weights {
		weights[r] *= uint64(n)
		if weights[r] < height {
			poor = append(poor, r)
		} else {
			rich = append(rich, r)
		}
	}
	for len(poor) > 0 {
		p, r := poor[len(poor)-1], rich[len(rich)-1]
		hi, lo := bits.Mul64(weights[p], 1<<32)
		own, _ := bits.Div64(hi, lo, height)
		z[p] = column{own: uint32(own), other: uint32(r)}
		weights[r] -= height - weights[p]

		poor = poor[:len(poor)-1]
		if weights[r] < height {
			rich = rich[:len(rich)-1]
			poor = append(poor, r)
		}
	}
	for _, r := range rich { // exactly full
		z[r] = column{own: math.MaxUint32, other: uint32(r)}
	}
	return z
}

// power is x^-s, good to eight digits or so, with the same bits on every machine.
//
// math.Pow can't promise that: it ends in math.Exp, which is assembly on some
// machines. And where a product is added to something, Go may fuse both into
// one operation that rounds once (on arm64 it does, on amd64 not). So there is
// no addition here: only products, square roots and comparisons, of which
// IEEE 754 leaves no bit open; exponents are integers in units of 2^-32.
func power(x int, s float64) float64 {
	hi, lo := bits.Mul64(log2(x), uint64(s*(1<<32)))
	y := hi<<32 | lo>>32
	result := math.Ldexp(1, -int(y>>32))
	for i, root := range roots {
		if y>>(31-i)&1 == 1 {
			result *= root
		}
	}
	return result
}

// roots holds 2^-(1/2), 2^-(1/4), 2^-(1/8) and so on.
var roots = func() (r [32]float64) {
	root := 0.5
	for i := range r {
		root = math.Sqrt(root)
		r[i] = root
	}
	return r
}()

// log2 is the binary logarithm in units of 2^-32. Squaring a number doubles its
// logarithm, which brings the next digit before the point.
func log2(x int) uint64 {
	digits := uint64(bits.Len(uint(x)) - 1)
	m := math.Ldexp(float64(x), -int(digits)) // 1 ≤ m < 2
	for range 32 {
		m *= m
		digits <<= 1
		if m >= 2 {
			m /= 2
			digits |= 1
		}
	}
	return digits
}
