package record

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestTheNextMarkIsFoundFromAnywhereInATextOfSeveralParts(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	lines := make([]byte, 3*marked+100)
	for i := range lines {
		lines[i] = byte('a' + dice.IntN(26))
		if dice.IntN(300) == 0 {
			lines[i] = "\"\\\n\x00"[dice.IntN(4)]
		}
	}
	copy(lines[marked:], bytes.Repeat([]byte("a"), marked+200)) // a whole part without a mark
	lines[len(lines)-1] = '\n'
	buf := append(make([]byte, 0, len(lines)+slack), lines...)
	b := buf[:len(lines)+look]
	var m marks
	m.open()
	for range 20_000 {
		i := dice.IntN(len(lines))
		if dice.IntN(2) == 0 && m.from >= 0 { // where the part that is known begins or ends
			i = min(max(m.from+dice.IntN(3)-1+dice.IntN(2)*marked, 0), len(lines)-1)
		}
		want := i + bytes.IndexAny(lines[i:], "\"\\\n\x00")
		if got := m.next(b, i); got != want {
			t.Fatalf("from %d on the mark is found at %d, not at %d", i, got, want)
		}
	}
}
