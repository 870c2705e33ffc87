package record

import "golang.org/x/sys/cpu"

// simd chooses the kernel of marks_amd64.s.
var simd = cpu.X86.HasAVX2

//go:noescape
func markAVX2(text *byte, blocks int, marks *uint64)

func mark(text []byte, marks []uint64) {
	if !simd {
		markGo(text, marks)
		return
	}
	_ = text[len(marks)*64-1]
	markAVX2(&text[0], len(marks), &marks[0])
}
