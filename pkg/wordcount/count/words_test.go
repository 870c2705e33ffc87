package count

import (
	"bytes"
	"strings"
	"testing"
)

// added adds words together, and one by one.
func added(t *testing.T, text []byte) {
	together, alone := seeded(seedOf(1)), seeded(seedOf(1))
	var words Words
	for word := range bytes.SplitSeq(text, []byte{0}) {
		if len(word) == 0 {
			continue
		}
		alone.Add(word, 1)
		if words.Add(word) {
			together.AddWords(&words)
		}
	}
	together.AddWords(&words)
	same(t, together, counts(alone))
	together.AddWords(&words) // of none
	same(t, together, counts(alone))
}

func TestWordsThatAreAddedTogetherAreCountedAsAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "a", "a\x00b\x00a", "white space\x00\xff\x00white space", strings.Repeat("fifteen bytes..\x00sixteen bytes...\x00", 5000),
		strings.Repeat("x", MaxWord) + "\x00" + strings.Repeat("y", keptBytes) + "\x00x",
	} {
		added(t, []byte(text))
	}
}

func FuzzWords(f *testing.F) {
	f.Add([]byte("some\x00words\x00some"), byte(3))
	f.Fuzz(func(t *testing.T, text []byte, every byte) {
		if len(text) <= MaxWord {
			added(t, bytes.ReplaceAll(text, []byte{every}, []byte{0}))
		}
	})
}
