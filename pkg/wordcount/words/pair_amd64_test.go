package words

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// TestPortable finds matches without the assembly.
func TestPortable(t *testing.T) {
	defer func(was bool) { simd = was }(simd)
	simd = false
	TestAPairIsFoundWhereverItStands(t)
	TestASpanEndsWithItsCharacters(t)
}

// FuzzSpan compares the kernel with its specification.
func FuzzSpan(f *testing.F) {
	if !simd {
		f.Skip("no assembly")
	}
	f.Add([]byte("/images/12?x"), []byte(" abcdefghijklmnopqrstuvwxyz/0123456789\x00\x7f"))
	f.Fuzz(func(t *testing.T, text, members []byte) {
		var s byteSet
		for _, b := range members {
			s.add(b % utf8.RuneSelf)
		}
		text = bytes.Repeat(text, 1+100/(len(text)+1))
		for begin := range text {
			if got, want := s.span(text[begin:]), s.spanGo(text[begin:]); got != want {
				t.Fatalf("%q begins with %d bytes of %q, want %d", text[begin:], got, members, want)
			}
		}
	})
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
