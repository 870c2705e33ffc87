package wordcount

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	stealMax   = 4           // tasks that a thief takes at once
	stealEvery = time.Second // how often a busy worker looks for them
)

// rob takes over what steal finds.
func (w *Worker) rob(ctx context.Context) (int, error) {
	if w.phase == "done" {
		return 0, nil
	}
	stolen, err := w.steal(ctx)
	if err != nil {
		return 0, err
	}
	w.looked = time.Now()
	return w.take(stolen, true), nil
}

// steal takes tasks whose lease ran out: their worker is dead, or stopped for so long that it may as well be. If it
// comes back, whoever commits first wins.
func (w *Worker) steal(ctx context.Context) ([]task, error) {
	var tasks []task
	for start := "0-0"; ; {
		// Entries that were deleted are skipped, so a page may be empty before the end is reached.
		entries, next, err := w.Redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: w.Job.Key(w.phase), Group: "workers", Consumer: w.Consumer, MinIdle: w.Lease, Start: start, Count: stealMax,
		}).Result()
		if err != nil {
			return nil, classify(err)
		}
		for _, m := range entries {
			t, err := parseTask(w.phase, m)
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
		if len(tasks) > 0 || next == "0-0" {
			return tasks, nil
		}
		start = next
	}
}
