package words

// spanBlock is how many bytes the kernel of span_amd64.s looks at together.
const spanBlock = 32

// spanAVX2 looks at the first n bytes of text, a multiple of spanBlock.
//
//go:noescape
func spanAVX2(text *byte, n int, low *[16]byte) int

func (s *byteSet) span(text []byte) int {
	n := len(text) &^ (spanBlock - 1)
	if n == 0 || !simd {
		return s.spanGo(text)
	}
	if in := spanAVX2(&text[0], n, &s.low); in < n {
		return in
	}
	return n + s.spanGo(text[n:])
}
