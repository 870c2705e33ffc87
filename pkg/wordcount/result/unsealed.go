package result

import (
	"cmp"
	"context"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// Unsealed returns what has been committed so far, by descending count, and how many map tasks that
// lacks. It is no result: tasks are missing, and a rollback may happen between two of its reads.
// All words must fit into memory.
func Unsealed(ctx context.Context, rdb redis.UniversalClient, job protocol.Job) (words []count.Entry, missing int, err error) {
	st, err := protocol.StatusOf(ctx, rdb, job)
	if err != nil {
		return nil, 0, err
	}
	table := count.New()
	held, err := addPartials(ctx, rdb, job, table)
	if err != nil {
		return nil, 0, err
	}
	// What is stored meanwhile moves from the partial counts to the sorted set, so that is read
	// last.
	totals, err := rdb.ZRangeWithScores(ctx, job.Key("counts"), 0, -1).Result()
	if err != nil {
		return nil, 0, protocol.Classify(err)
	}
	for _, z := range totals {
		word := []byte(z.Member.(string))
		if len(word) == 0 || len(word) > count.MaxWord || !(z.Score >= 0 && z.Score <= protocol.MaxCount) {
			return nil, 0, fmt.Errorf("%w: %v times a word of %d bytes: somebody else wrote it", protocol.ErrState, z.Score, len(word))
		}
		if job.Reducers == 0 || !held[count.Partition(word, job.Reducers)] {
			table.Add(word, uint64(z.Score))
		}
	}
	return table.Descending(), st.Maps - st.Mapped, nil
}

// addPartials adds up the partial counts of all partitions that have some, and returns which have
// some. The commits are read first, so that a commit that comes meanwhile is left out of all
// partitions.
func addPartials(ctx context.Context, rdb redis.UniversalClient, job protocol.Job, table *count.Table) (held []bool, err error) {
	commits, err := rdb.HGetAll(ctx, job.Key("commits")).Result()
	if err != nil {
		return nil, protocol.Classify(err)
	}
	committed := protocol.CommittedOf(commits)
	held = make([]bool, job.Reducers)
	for p := range held {
		partials, err := rdb.LRange(ctx, job.PartitionKey(p), 0, -1).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		held[p] = len(partials) > 0
		frames, err := protocol.FramesOf(committed, partials)
		for _, frame := range frames {
			err = cmp.Or(err, protocol.Merge(table, frame))
		}
		if err != nil {
			return nil, fmt.Errorf("%w: partition %d: %w", protocol.ErrState, p, err)
		}
	}
	return held, nil
}
