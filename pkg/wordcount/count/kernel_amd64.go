package count

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// simd chooses the kernels of kernel_amd64.s. Each has the contract of the Go
// function of its name, but words have other homes. Nearly all that have AVX2 have
// AES too.
var simd = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT && cpu.X86.HasAES

// Of the slices only the beginnings are handed down; their lengths are seen to
// here. The assembly relies on lineSize and on the size of a hashed word.
var _ = [1]int{}[unsafe.Sizeof(line{})-lineSize] + [1]int{}[unsafe.Sizeof(hashed{})-32]

//go:noescape
func spacesAVX2(buf *byte, blocks int, white, lead *uint64) (some uint64)

func spaces(buf []byte, white, lead []uint64) bool {
	if !simd {
		return spacesGo(buf, white, lead)
	}
	_, _ = buf[len(white)*block-1], lead[len(white)-1]
	return spacesAVX2(&buf[0], len(white), &white[0], &lead[0]) != 0
}

//go:noescape
func cutAVX2(white *uint64, blocks int, at uint32, last uint64, edges *uint32) (n int, ret uint64)

func cut(white []uint64, at uint32, last uint64, edges []uint32) (int, uint64) {
	if !simd {
		return cutGo(white, at, last, edges)
	}
	_ = edges[len(white)*block+7]
	return cutAVX2(&white[0], len(white), at, last, &edges[0])
}

//go:noescape
func mixAES(s *seed, k key) uint64

func (s *seed) mix(k key) uint64 {
	if !simd {
		return s.mixGo(k)
	}
	return mixAES(s, k)
}

//go:noescape
func hashAVX2(b *batch, buf *byte, edges *uint32, n int, lines *line, mask uint64, s *seed) (shorts int)

func hash(b *batch, buf []byte, edges []uint32, lines []line, s *seed) (shorts, longs int) {
	if !simd {
		return hashGo(b, buf, edges, lines, s)
	}
	_, _ = b.short[len(edges)/2-1], buf[edges[len(edges)-2]:][15]
	shorts = hashAVX2(b, &buf[0], &edges[0], len(edges), &lines[0], uint64(len(lines)-1)*lineSize, s)
	return shorts, len(edges)/2 - shorts
}

//go:noescape
func tallyAVX2(b *batch, i, n int, lines *line) int

func tally(b *batch, i, n int, lines []line) int {
	if !simd {
		return tallyGo(b, i, n, lines)
	}
	return tallyAVX2(b, i, n, &lines[0])
}

// positions lists, for every byte, which of its bits are set.
var positions = func() (p [256][8]uint8) {
	for b := range p {
		n := 0
		for i := range 8 {
			if b>>i&1 > 0 {
				p[b][n] = uint8(i)
				n++
			}
		}
	}
	return p
}()
