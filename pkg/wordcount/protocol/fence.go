package protocol

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Ending is a job that is done: its fence, and what its counters say.
type Ending struct {
	Fence           string
	Mapped, Reduced int64
	Tokens, Bytes   int64 // of committed tasks
	Stored          int64 // tokens of stored partitions
}

// Fence fences the result of a job in phase Done with a nonce. If a fence stands already, it stays
// and is returned: a second fence would invalidate the readers of the first. Of a job that keeps N
// words, the sorted set must be full.
func (c Client) Fence(ctx context.Context, run, nonce string) (e Ending, err error) {
	reply, err := c.call(ctx, "final", c.Job.Keys(), run, nonce).Slice()
	if err != nil {
		return e, err
	}
	e.Fence = reply[0].(string)
	for i, n := range []*int64{&e.Mapped, &e.Reduced, &e.Tokens, &e.Bytes, &e.Stored} {
		*n = reply[i+1].(int64)
	}
	return e, nil
}

// Fenced returns the map outputs of a fenced job. Where there are reducers, Discard drops them, and
// leaves their tally. left is nil before that.
func (c Client) Fenced(ctx context.Context, fence string) (outputs []Output, left *Tally, err error) {
	var named *redis.MapStringStringCmd
	var kept *redis.SliceCmd
	err = c.underFence(ctx, fence, func(pipe redis.Pipeliner) {
		named, kept = pipe.HGetAll(ctx, c.Job.Key("outputs")), pipe.HMGet(ctx, c.Job.Key("meta"), "tally")
	})
	if err == nil {
		outputs, err = parseOutputs(named.Val())
	}
	if err != nil {
		return nil, nil, err
	}
	if text, discarded := kept.Val()[0].(string); discarded {
		tally, err := parseTally(text)
		if err != nil {
			return nil, nil, Damaged("it has the tally %q", text)
		}
		left = &tally
	}
	return outputs, left, nil
}

// FencedResults returns the result files of a fenced job that has them, by partition.
func (c Client) FencedResults(ctx context.Context, fence string) ([]ResultFile, error) {
	var named *redis.MapStringStringCmd
	err := c.underFence(ctx, fence, func(pipe redis.Pipeliner) { named = pipe.HGetAll(ctx, c.Job.Key("results")) })
	if err != nil {
		return nil, err
	}
	return parseResults(named.Val(), c.Job.Reducers)
}

// underFence reads keys of the job, in the moment in which the fence stands.
func (c Client) underFence(ctx context.Context, fence string, read func(redis.Pipeliner)) error {
	return Classify(Library.Have(ctx, c.Redis, func() error {
		return transaction(c.Redis.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.FCallRO(ctx, Function("result"), c.Job.Keys(), fence, 0, 1)
			read(pipe)
			return nil
		}))
	}))
}

// Page returns n words from a rank on, by descending count, as word, count, word, count, …
func (c Client) Page(ctx context.Context, fence string, rank, n int) ([]string, error) {
	return c.read(ctx, "result", c.Job.Keys(), fence, rank, n).StringSlice()
}

// Sum adds up counts from a rank on, of at most that number of different counts. It returns how
// many words these were, 0 at the end, and the sum.
func (c Client) Sum(ctx context.Context, fence string, rank, different int) (words int, tokens uint64, err error) {
	reply, err := c.read(ctx, "sum", c.Job.Keys(), fence, rank, different).Slice()
	if err != nil {
		return 0, 0, err
	}
	return int(reply[0].(int64)), uint64(Number(reply[1].(string))), nil
}

// Dismiss tells the workers of a sealed job that they may leave.
func (c Client) Dismiss(ctx context.Context, fence string) error {
	return c.call(ctx, "dismiss", c.Job.Keys(), fence).Err()
}

// Discard drops what the result of a sealed job doesn't need. The tally of its outputs stays. With a
// ttl (seconds) above 0, the other keys expire.
func (c Client) Discard(ctx context.Context, fence string, ttl int, tally Tally) error {
	return c.call(ctx, "discard", c.Job.Keys(), fence, ttl, tally.String()).Err()
}
