package protocol

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Partition returns the frames of a partition: all partial counts of all maps. Its task must be
// pending, else the error is ErrPhase.
//
// One transaction reads the commits and the partial counts right behind the function that allows
// it. Between two transactions, a rollback could mix two orders of commits. The function doesn't
// return the counts itself, because whatever passes through Lua is copied three times more.
func (c Client) Partition(ctx context.Context, run string, partition int) (frames []string, err error) {
	key := c.Job.PartitionKey(partition)
	var maps *redis.Cmd
	var commits *redis.MapStringStringCmd
	var partials *redis.StringSliceCmd
	err = Library.Have(ctx, c.Redis, func() error {
		return transaction(c.Redis.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			maps = pipe.FCallRO(ctx, Function("partition"), append(c.Job.FixedKeys(), key), run, partition)
			commits = pipe.HGetAll(ctx, c.Job.Key("commits"))
			partials = pipe.LRange(ctx, key, 0, -1)
			return nil
		}))
	})
	if err != nil {
		return nil, Classify(err)
	}
	all, err := maps.Int()
	if err != nil {
		return nil, err
	}
	committed := CommittedOf(commits.Val())
	if err := Covered(committed, all); err != nil {
		return nil, err
	}
	frames, err = FramesOf(committed, partials.Val())
	if err != nil {
		return nil, fmt.Errorf("%w: partition %d: %w", ErrState, partition, err)
	}
	return frames, nil
}
