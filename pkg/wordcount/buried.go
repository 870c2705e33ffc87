package wordcount

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	if job.Reducers > 0 && st.Phase != "done" {
		words, err = committedParts(ctx, rdb, job)
		if err != nil {
			return nil, 0, err
		}
		// A job that was sealed meanwhile may have discarded what we were reading: its totals are there instead.
		if st, err = JobStatus(ctx, rdb, job); err != nil {
			return nil, 0, err
		}
	}
	if job.Reducers == 0 || st.Phase == "done" {
		words, err = totalsSoFar(ctx, rdb, job)
	}
	return words, st.Maps - st.Mapped, err
}

// committedParts adds up the partial counts of all partitions. Which attempts are committed is read first: what comes while
// the partitions are read is in none of them.
func committedParts(ctx context.Context, rdb redis.UniversalClient, job Job) ([]count.Entry, error) {
	committed, err := committedAttempts(ctx, rdb, job)
	if err != nil {
		return nil, classify(err)
	}
	table := count.New()
	for part := range job.Reducers {
		partials, err := rdb.LRange(ctx, job.part(part), 0, -1).Result()
		if err != nil {
			return nil, classify(err)
		}
		frames, err := framesOf(committed, partials)
		for _, frame := range frames {
			err = cmp.Or(err, merge(table, frame))
		}
		if err != nil {
			return nil, fmt.Errorf("%w: partition %d: %w", ErrState, part, err)
		}
	}
	return table.Descending(), nil
}

// committedAttempts are those whose partial counts count, whatever phase the job is in.
func committedAttempts(ctx context.Context, rdb redis.UniversalClient, job Job) ([]string, error) {
	attempts, err := rdb.HGetAll(ctx, job.Key("commits")).Result()
	maps.DeleteFunc(attempts, func(_, state string) bool { return state != "committed" })
	return slices.Collect(maps.Keys(attempts)), err
}

// totalsSoFar reads the sorted set.
func totalsSoFar(ctx context.Context, rdb redis.UniversalClient, job Job) ([]count.Entry, error) {
	totals, err := rdb.ZRangeWithScores(ctx, job.Key("counts"), 0, -1).Result()
	if err != nil {
		return nil, classify(err)
	}
	table := count.New()
	for _, z := range totals {
		table.Add([]byte(z.Member.(string)), uint64(z.Score))
	}
	return table.Descending(), nil
}
