package words

import (
	"bytes"
	"testing"
)

func TestAPairIsFoundWhereverItStands(t *testing.T) {
	p := pair{'"', 'G', 'P'}
	for size := range 140 {
		text := bytes.Repeat([]byte(`"-`), 70)[:size]
		none := size
		if size > 0 && text[size-1] == '"' {
			none = size - 1
		}
		if got := p.next(text, 0); got != none {
			t.Errorf("%q has one at %d", text, got)
		}
		for at := range max(size-1, 0) {
			for _, second := range []byte("GP") {
				there := bytes.Clone(text)
				there[at], there[at+1] = '"', second
				for pos := range at + 1 {
					if got := p.next(there, pos); got != at {
						t.Fatalf("%q from %d has one at %d", there, pos, got)
					}
				}
				if got := p.next(there, at+1); got <= at {
					t.Fatalf("%q from %d has one at %d", there, at+1, got)
				}
			}
		}
	}
}
