package wordcount

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// stragglerMin is how long a task must have been with somebody before it may be done a second time.
const stragglerMin = 200 * time.Millisecond

// backup does a map task that another worker has had for longer than any of ours took, when there is nothing else to do:
// the backup tasks of the MapReduce paper (Dean and Ghemawat, 2004, section 3.6). Nothing is claimed. Whoever commits
// first wins, and the other is told that the task is settled; the owner's lease stays as it is. With one worker of four
// asleep for 30 s over each task, 512 MiB take 1.6 s and not 31.
func (w *Worker) backup(ctx context.Context) (int, error) {
	if w.phase != "map" || w.Job.Reducers == 0 { // without reducers a commit is long, and twice as long if done twice
		return 0, nil
	}
	pending, err := w.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: w.Job.Key("map"), Group: "workers", Start: "-", End: "+", Count: stealScan,
	}).Result()
	if err != nil {
		return 0, classify(err)
	}
	watched := map[string]time.Time{}
	defer func() { w.watched = watched }()
	// What was delivered last is what its owner is at; what came before it may have counted already, and will commit.
	for _, p := range slices.Backward(pending) {
		if p.Consumer == w.Consumer {
			continue
		}
		first, ok := w.watched[p.ID]
		if !ok {
			first = time.Now()
		}
		watched[p.ID] = first
		if time.Since(first) < max(w.longest, stragglerMin) {
			continue
		}
		entries, err := w.Redis.XRange(ctx, w.Job.Key("map"), p.ID, p.ID).Result()
		if err != nil {
			return 0, classify(err)
		}
		tasks, err := parseTasks("map", entries)
		if err != nil {
			return 0, err
		}
		if n := w.take(tasks, false); n > 0 {
			return n, nil
		}
	}
	return 0, nil
}
