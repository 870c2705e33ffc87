package wordcount

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// BuriedTask is a task that was given up: its dead letter.
type BuriedTask struct {
	Stream string // map or reduce
	Number int    // from 1
	Cause  string // what went wrong; for a map, Plan.Splits has the file and the offset
}

// Buried lists the tasks of a job that were given up.
func Buried(ctx context.Context, rdb redis.UniversalClient, job Job) ([]BuriedTask, error) {
	dead, err := rdb.HGetAll(ctx, job.Key("dead")).Result()
	if err != nil {
		return nil, classify(err)
	}
	var tasks []BuriedTask
	for name, cause := range dead {
		t := BuriedTask{Cause: cause}
		if _, err := fmt.Sscanf(name, "%s %d", &t.Stream, &t.Number); err != nil {
			return nil, fmt.Errorf("%w: %q is no task", ErrState, name)
		}
		tasks = append(tasks, t)
	}
	slices.SortFunc(tasks, func(a, b BuriedTask) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Number, b.Number))
	})
	return tasks, nil
}

// Requeue gives the buried tasks of a job another life, and returns how many there were.
func Requeue(ctx context.Context, rdb redis.UniversalClient, job Job) (int, error) {
	st, err := JobStatus(ctx, rdb, job)
	if err != nil {
		return 0, err
	}
	return protocol{rdb, job}.requeue(ctx, st.Run)
}

// Partial counts what has been committed so far, by descending count, and returns how many maps that lacks. It is no
// result: tasks are missing, and a rollback may fall between two of its reads. All words must fit into memory.
func Partial(ctx context.Context, rdb redis.UniversalClient, job Job) (words []count.Entry, missing int, err error) {
	st, err := JobStatus(ctx, rdb, job)
	if err != nil {
		return nil, 0, err
	}
	table := count.New()
	held, err := committedParts(ctx, rdb, job, table)
	if err != nil {
		return nil, 0, err
	}
	// What is stored meanwhile has gone from there to the sorted set, so that is read last.
	totals, err := rdb.ZRangeWithScores(ctx, job.Key("counts"), 0, -1).Result()
	if err != nil {
		return nil, 0, classify(err)
	}
	for _, z := range totals {
		word := []byte(z.Member.(string))
		if len(word) == 0 || len(word) > count.MaxWord || !(z.Score >= 0 && z.Score <= maxCount) {
			return nil, 0, fmt.Errorf("%w: %v times a word of %d bytes: somebody else wrote it", ErrState, z.Score, len(word))
		}
		if job.Reducers == 0 || !held[count.Partition(word, job.Reducers)] {
			table.Add(word, uint64(z.Score))
		}
	}
	return table.Descending(), st.Maps - st.Mapped, nil
}

// committedParts adds up the partial counts of all partitions that have some, and returns which have. Which attempts are
// committed is read first: what comes while the partitions are read is in none of them.
func committedParts(ctx context.Context, rdb redis.UniversalClient, job Job, table *count.Table) (held []bool, err error) {
	commits, err := rdb.HGetAll(ctx, job.Key("commits")).Result()
	if err != nil {
		return nil, classify(err)
	}
	committed := committedOf(commits)
	held = make([]bool, job.Reducers)
	for part := range held {
		partials, err := rdb.LRange(ctx, job.part(part), 0, -1).Result()
		if err != nil {
			return nil, classify(err)
		}
		held[part] = len(partials) > 0
		frames, err := framesOf(committed, partials)
		for _, frame := range frames {
			err = cmp.Or(err, merge(table, frame))
		}
		if err != nil {
			return nil, fmt.Errorf("%w: partition %d: %w", ErrState, part, err)
		}
	}
	return held, nil
}
