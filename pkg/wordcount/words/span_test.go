package words

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

func TestASpanEndsWithItsCharacters(t *testing.T) {
	for in := range utf8.RuneSelf {
		var s byteSet
		s.add(byte(in))
		for out := range 256 {
			if out == in {
				continue
			}
			for _, size := range []int{0, 1, 31, 32, 33, 64, 80} {
				text := bytes.Repeat([]byte{byte(in)}, size)
				if got := s.span(text); got != size {
					t.Fatalf("%d of %d bytes %#x", got, size, in)
				}
				if got := s.span(append(text, byte(out), byte(in))); got != size {
					t.Fatalf("%d of %d bytes %#x before %#x", got, size, in, out)
				}
			}
		}
	}
}
