package wordcount

import (
	"fmt"
	"strings"
	"testing"
)

// texts are n files with some words in common and some of their own.
func texts(n, words int) map[string]string {
	files := map[string]string{}
	for i := range n {
		var b strings.Builder
		for w := range words {
			fmt.Fprintf(&b, "common%d own%d-%d\u00a0tail%d\n", w%7, i, w%11, w%3)
		}
		files[fmt.Sprintf("file %02d.txt", i)] = b.String()
	}
	return files
}

func TestARunIsExactInBothModes(t *testing.T) {
	for _, o := range []Options{{Split: 100, Reducers: 3}, {}, {Reducers: MapOnly}} {
		t.Run(fmt.Sprintf("split %d reducers %d", o.Split, o.Reducers), func(t *testing.T) {
			t.Parallel()
			newRig(t, texts(20, 30)).exact(o)
		})
	}
}
