package wordcount

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// resultPage is how many words one call returns: two or three milliseconds of the server.
const resultPage = 10_000

// Result reads the sealed result of a job, which lives in Redis, under the fence that it was published with.
type Result struct {
	Redis redis.UniversalClient
	Job   Job
	Fence string
}

// Entries yields the words by descending count, then by their bytes ascending. It ends with ErrNoResult if the result isn't
// there any more, or not all of it.
func (r Result) Entries(ctx context.Context) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		var sum uint64
		for e, err := range r.entries(ctx) {
			if sum += e.N; !yield(e, err) || err != nil {
				return
			}
		}
		if err := r.complete(ctx, sum); err != nil {
			yield(count.Entry{}, err)
		}
	}
}

// complete refuses counts that don't come to the words of the job: the sorted set may be lost where all else is there.
func (r Result) complete(ctx context.Context, sum uint64) error {
	st, err := protocol{r.Redis, r.Job}.status(ctx)
	if errors.Is(err, errNoJob) || err == nil && st.Final != r.Fence {
		return fmt.Errorf("%w: it went while it was read", ErrNoResult)
	}
	if err == nil && st.Tokens != sum {
		err = fmt.Errorf("%w: the counts add up to %d words of %d: mage clean run", ErrNoResult, sum, st.Tokens)
	}
	return err
}

// entries is Entries, whatever the counts add up to.
func (r Result) entries(ctx context.Context) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		// The sorted set has equal counts in descending order of the words, so these are turned round.
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

// ranked yields the words as the sorted set has them, from the top.
func (r Result) ranked(ctx context.Context) iter.Seq2[count.Entry, error] {
	p := protocol{r.Redis, r.Job}
	return func(yield func(count.Entry, error) bool) {
		for rank := 0; ; rank += resultPage {
			page, err := p.result(ctx, r.Fence, rank, resultPage)
			if err != nil {
				if errors.Is(err, errNoJob) {
					err = fmt.Errorf("%w: %w", ErrNoResult, err)
				}
				yield(count.Entry{}, err)
				return
			}
			for i := 0; i < len(page); i += 2 {
				n, err := strconv.ParseUint(page[i+1], 10, 64)
				if err != nil {
					yield(count.Entry{}, fmt.Errorf("%w: %q is no count: it is beyond 2^53, or somebody else wrote it", ErrState, page[i+1]))
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

// Export writes a line "count<TAB>word" a word.
func Export(w io.Writer, words iter.Seq2[count.Entry, error]) error {
	b := bufio.NewWriterSize(w, 1<<16)
	for e, err := range words {
		if err != nil {
			return err
		}
		b.WriteString(strconv.FormatUint(e.N, 10))
		b.WriteByte('\t')
		b.WriteString(e.Word)
		if err := b.WriteByte('\n'); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
