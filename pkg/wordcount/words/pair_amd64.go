package words

import "golang.org/x/sys/cpu"

// simd chooses the kernels of pair_amd64.s and span_amd64.s.
var simd = cpu.X86.HasAVX2

// pairBlock is how many positions the kernel looks at together.
const pairBlock = 32

//go:noescape
func pairAVX2(text *byte, n int, p pair) int

func (p pair) index(text []byte) int {
	n := len(text) - 1
	if n < pairBlock || !simd {
		return p.indexGo(text)
	}
	return pairAVX2(&text[0], n, p)
}
