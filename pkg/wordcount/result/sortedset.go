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

// One call returns a page of words, whose number follows from their length on the page before. So a page of
// usual words takes the server two or three milliseconds, and the reply of a page of long ones isn't so long
// that a busy machine can't read it in time.
const (
	firstPage = 16 // words
	pageMost  = 10_000
	pageBytes = 4 << 20 // of words, about
)

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
		for rank, words := 0, firstPage; ; {
			page, err := client.Page(ctx, r.Fence, rank, words)
			if err != nil {
				yield(count.Entry{}, gone(err))
				return
			}
			bytes := 1
			for i := 0; i < len(page); i += 2 {
				bytes += len(page[i])
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
			if len(page) < 2*words {
				return
			}
			rank += words
			words = min(max(1, words*pageBytes/bytes), pageMost)
		}
	}
}
