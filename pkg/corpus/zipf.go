package corpus

import (
	"math"
	"math/bits"
)

// zipf draws a rank in constant time, by Walker's alias method. Rank 0 is the most frequent. There
// is one column for each rank, and all columns have the same height. A rare rank leaves room in its
// column, and a frequent rank fills that room. A draw picks a column first, and then one of the two
// ranks in it.
type zipf []column

type column struct {
	own   uint32 // the share of the column that belongs to its own rank, in units of 2^-32
	other uint32 // the rank that has the rest of the column
}

// draw turns random bits into a rank. It uses the upper bits. The lowest eight hardly ever matter,
// even with the largest vocabulary, so the caller may use them for another decision.
func (z zipf) draw(random uint64) int {
	home, within := bits.Mul64(random, uint64(len(z)))
	c := z[home]
	rank := uint32(home)
	if uint32(within>>32) >= c.own {
		rank = c.other
	}
	return int(rank)
}

// newZipf gives rank r a chance in proportion to (r+2)^-s. Zipf's own formula has r+1. With that,
// every ninth word would be the most frequent one, which is twice as often as "the" in English.
func newZipf(n int, s float64) zipf {
	// From here on all numbers are integers, so that no rounding can differ. A weight is below 2^36
	// and n is at most 2^24, so the products stay below 2^60.
	weights := make([]uint64, n)
	var height uint64 // of each column: the mean weight times n
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
	for _, r := range rich { // these fill their columns exactly
		z[r] = column{own: math.MaxUint32, other: uint32(r)}
	}
	return z
}

// power returns x^-s, exact to about eight digits, with the same bits on every machine.
//
// math.Pow can't promise the same bits, because it calls math.Exp, which is assembly on some
// machines. Go may also fuse a product and a sum into one operation that rounds once: it does on
// arm64, and not on amd64. So power adds nothing. It uses only products, square roots and
// comparisons, for which IEEE 754 defines every bit. Exponents are integers in units of 2^-32.
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

// log2 returns the binary logarithm in units of 2^-32. Squaring a number doubles its logarithm, so
// each squaring moves the next binary digit in front of the point.
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
