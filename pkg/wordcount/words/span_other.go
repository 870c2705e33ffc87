//go:build !amd64

package words

func (s *byteSet) span(text []byte) int { return s.spanGo(text) }
