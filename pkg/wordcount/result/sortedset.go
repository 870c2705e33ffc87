package result

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// resultPage is how many words one call returns. It takes the server two or three milliseconds.
const resultPage = 10_000

// inSet yields the words of the sorted set.
func (r Result) inSet(ctx context.Context) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		// The sorted set has words of equal count in descending order, so they are reversed.
		var ties []count.Entry
		flush := func() bool {
			for _, e := range slices.Backward(ties) {
				if !yield(e, nil) {
					return false
				}
			}
			ties = ties[:0]
			return true
		}
		for e, err := range r.ranked(ctx) {
			if err != nil {
				yield(count.Entry{}, err)
				return
			}
			if len(ties) > 0 && ties[0].N != e.N && !flush() {
				return
			}
			ties = append(ties, e)
		}
		flush()
	}
}

// ranked yields the words in the order of the sorted set, from the top.
func (r Result) ranked(ctx context.Context) iter.Seq2[count.Entry, error] {
	client := protocol.Client{Redis: r.Redis, Job: r.Job}
	return func(yield func(count.Entry, error) bool) {
		for rank := 0; ; rank += resultPage {
			page, err := client.Page(ctx, r.Fence, rank, resultPage)
			if err != nil {
				yield(count.Entry{}, gone(err))
				return
			}
			for i := 0; i < len(page); i += 2 {
				n, err := strconv.ParseUint(page[i+1], 10, 64)
				if err != nil {
					yield(count.Entry{}, fmt.Errorf("%w: %q is no count: it is beyond 2^53, or somebody else wrote it",
						protocol.ErrState, page[i+1]))
					return
				}
				if !yield(count.Entry{Word: page[i], N: n}, nil) {
					return
				}
			}
			if len(page) < 2*resultPage {
				return
			}
		}
	}
}
