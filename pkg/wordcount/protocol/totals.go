package protocol

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Totals are the final counts of some partitions, which are stored together.
type Totals struct {
	Nonce      string // names this attempt to store them
	Partitions []int  // ascending
	Tokens     uint64 // the sum of the counts
}

// Store stores some of the totals, as count, word, count, word, …, beginning at an offset. The last
// call acknowledges the partitions' tasks. Tasks that aren't pending are no error: Progress has the
// standings.
//
// The words are a ZADD in one transaction with the function that records the offset, because Redis
// takes twice as long for words that pass through Lua. ZADD cannot check the run. So place checks
// it first, and the transaction watches the stream of maps, which another run would have to write
// anew. Commits and revokes of the same run don't disturb it: they add nothing to the stream.
func (c Client) Store(ctx context.Context, run string, of Totals, offset int, words []any, last bool) (now Progress, err error) {
	var adding load
	adding.addWords(words)
	if err := c.room(ctx, adding); err != nil {
		return Progress{}, err
	}
	args := []any{run, of.Nonce, len(of.Partitions)}
	for _, partition := range of.Partitions {
		args = append(args, partition)
	}
	err = c.Redis.Watch(ctx, func(tx *redis.Tx) error {
		now, err = parseProgress(Library.CallRO(ctx, c.Redis, Function("place"), c.Job.Keys(), args...))
		if err != nil || now.Standings != nil || now.Offset != offset {
			return err
		}
		var put *redis.Cmd
		err := transaction(tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			if len(words) > 0 {
				pipe.Do(ctx, append([]any{"zadd", c.Job.Key("counts")}, words...)...)
			}
			put = pipe.FCall(ctx, Function("put"), c.Job.Keys(), append(args, offset, len(words)/2, last, of.Tokens)...)
			return nil
		}))
		if err == nil {
			now, err = parseProgress(put)
		}
		return err
	}, c.Job.StreamKey(Maps))
	if err != nil {
		return Progress{}, Classify(err)
	}
	return now, nil
}
