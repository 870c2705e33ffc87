package result

import (
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// First yields the first n of the words.
func First(words iter.Seq2[count.Entry, error], n int) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		left := n
		for e, err := range words {
			if left--; left < 0 || !yield(e, err) || err != nil {
				return
			}
		}
	}
}
