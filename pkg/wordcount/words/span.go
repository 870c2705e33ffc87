package words

// byteSet is a set of ASCII characters.
type byteSet struct {
	has [256]bool
	low [16]byte // by the low half of a byte: a bit for each high half, 0 to 7, with which it is in the set
}

func (s *byteSet) add(b byte) {
	s.has[b] = true
	s.low[b%16] |= 1 << (b / 16)
}

// spanGo returns how many bytes at the beginning of text are in the set.
func (s *byteSet) spanGo(text []byte) int {
	for i, b := range text {
		if !s.has[b] {
			return i
		}
	}
	return len(text)
}
