package words

import (
	"bytes"
	"testing"
)

// TestPortable finds matches without the assembly.
func TestPortable(t *testing.T) {
	defer func(was bool) { simd = was }(simd)
	simd = false
	TestAPairIsFoundWhereverItStands(t)
}

// FuzzPair compares the kernel with its specification.
func FuzzPair(f *testing.F) {
	if !simd {
		f.Skip("no assembly")
	}
	f.Add([]byte(`10.1.2.3 - - [27/Nov/2026:10:11:12 +0000] "GET /a HTTP/1.1" 200 17 "-" ""POST" "`), byte('"'), byte('G'), byte('P'))
	f.Add(bytes.Repeat([]byte("ab"), 50), byte('b'), byte('b'), byte('c'))
	f.Fuzz(func(t *testing.T, text []byte, first, second, other byte) {
		p := pair{first, second, other}
		for begin := range text {
			if got, want := p.index(text[begin:]), p.indexGo(text[begin:]); got != want {
				t.Fatalf("%q has %q at %d, want %d", text[begin:], p, got, want)
			}
		}
	})
}
