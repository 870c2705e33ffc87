package wordcount

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	stealMax   = 4           // map tasks that a thief takes at once
	stealEvery = time.Second // how often a busy worker looks for them
	stealScan  = 100         // pending tasks whose owners are looked at
)

// stealAtOnce is how many tasks a thief takes; of small ones, as many as are done together.
func (w *Worker) stealAtOnce() int {
	if w.phase == "reduce" {
		return w.reduceShare()
	}
	return stealMax
}

// rob takes over the tasks of workers that are dead, or stopped for so long that they may as well be. If one comes
// back, whoever commits first wins.
func (w *Worker) rob(ctx context.Context) (int, error) {
	if w.phase == "done" {
		return 0, nil
	}
	stolen, err := w.expired(ctx)
	if err == nil && len(stolen) == 0 {
		stolen, err = w.silent(ctx)
	}
	if err != nil {
		return 0, err
	}
	w.looked = time.Now()
	return w.take(stolen, true), nil
}

// expired takes tasks whose lease ran out by the server's clock.
func (w *Worker) expired(ctx context.Context) ([]task, error) {
	for start := "0-0"; ; {
		// Entries that were deleted are skipped, so a page may be empty before the end is reached.
		entries, next, err := w.Redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: w.Job.Key(w.phase), Group: "workers", Consumer: w.Consumer, MinIdle: w.Lease, Start: start, Count: int64(w.stealAtOnce()),
		}).Result()
		if err != nil {
			return nil, classify(err)
		}
		if len(entries) > 0 || next == "0-0" {
			return parseTasks(w.phase, entries)
		}
		start = next
	}
}

// sighting is when another worker's heartbeat was first seen as it still is.
type sighting struct {
	beat  string
	since time.Time // by our monotonic clock
}

// silent takes tasks of a worker whose heartbeat has stood still for a lease by our own clock. The server's clock may
// have been set back, and then no lease ever runs out.
func (w *Worker) silent(ctx context.Context) ([]task, error) {
	pending, err := w.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: w.Job.Key(w.phase), Group: "workers", Start: "-", End: "+", Count: stealScan,
	}).Result()
	if err != nil {
		return nil, classify(err)
	}
	held := map[string][]string{}
	for _, p := range pending {
		if p.Consumer != w.Consumer {
			held[p.Consumer] = append(held[p.Consumer], p.ID)
		}
	}
	seen := map[string]sighting{}
	defer func() { w.seen = seen }()
	for owner, ids := range held {
		beat, err := w.Redis.HGet(ctx, w.Job.Key("workers"), owner).Result()
		if err != nil && err != redis.Nil { // one that never spoke is as silent as one that stopped
			return nil, classify(err)
		}
		now := sighting{beat, time.Now()}
		if before, ok := w.seen[owner]; ok && before.beat == beat {
			now = before
		}
		seen[owner] = now
		if time.Since(now.since) <= w.Lease {
			continue
		}
		entries, err := w.Redis.XClaim(ctx, &redis.XClaimArgs{
			Stream: w.Job.Key(w.phase), Group: "workers", Consumer: w.Consumer, Messages: ids[:min(len(ids), w.stealAtOnce())],
		}).Result()
		if err != nil {
			return nil, classify(err)
		}
		return parseTasks(w.phase, entries)
	}
	return nil, nil
}
