package result

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/redis/go-redis/v9"
)

// Result is the sealed result of a job. It lies in Redis, or in files that Redis names, and can be read
// as long as its fence stands.
type Result struct {
	Redis redis.UniversalClient
	Job   protocol.Job
	Fence string

	// For a job that keeps N words:
	Run   string
	Store func(ctx context.Context, run string) (*shuffle.Store, error) // opens the store that has the run's result files
}

// Entries yields the words by descending count, and words of equal count in the order of their
// bytes. It ends with ErrNoResult if the result is not there any more, or not all of it, and with
// ErrRedis if the server can't be reached.
func (r Result) Entries(ctx context.Context) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		var sum uint64
		for e, err := range r.entries(ctx) {
			if sum += e.N; !yield(e, unreachable(err)) || err != nil {
				return
			}
		}
		if err := r.complete(ctx, sum); err != nil {
			yield(count.Entry{}, unreachable(err))
		}
	}
}

// unreachable gives a class to the error of a server that went away while a result was read. Nothing
// is lost: the result can be read again when the server is back.
func unreachable(err error) error {
	if !protocol.Transient(err) {
		return err
	}
	return fmt.Errorf("%w: the server went away while the result was read: %w", protocol.ErrRedis, err)
}

// gone gives a class to the error of a job that isn't there any more.
func gone(err error) error {
	if errors.Is(err, protocol.ErrNoJob) {
		return fmt.Errorf("%w: %w", protocol.ErrNoResult, err)
	}
	return err
}

// complete checks that the counts add up to the words of the job, because the sorted set may be
// lost while all other keys are there.
func (r Result) complete(ctx context.Context, sum uint64) error {
	st, err := protocol.Client{Redis: r.Redis, Job: r.Job}.Status(ctx)
	if errors.Is(err, protocol.ErrNoJob) || err == nil && st.Final != r.Fence {
		return fmt.Errorf("%w: it went while it was read", protocol.ErrNoResult)
	}
	if err == nil && st.Tokens != sum {
		err = fmt.Errorf("%w: the counts add up to %d words of %d", protocol.ErrNoResult, sum, st.Tokens)
	}
	return err
}

// entries is Entries without the check of the sum.
func (r Result) entries(ctx context.Context) iter.Seq2[count.Entry, error] {
	if r.Job.Keep > 0 {
		return r.inFiles(ctx)
	}
	return r.inSet(ctx)
}
