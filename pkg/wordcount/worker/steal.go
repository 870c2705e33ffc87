package worker

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

const (
	stealMax   = 4           // map tasks that a thief takes at once
	stealEvery = time.Second // how often a busy worker looks for tasks to steal
	stealScan  = 100         // pending tasks whose owners are checked
)

// steal takes over up to n tasks of a worker that is dead, or has been silent for a whole lease. It
// returns the number of tasks taken. If the owner comes back, the first commit wins.
func (c *claimer) steal(ctx context.Context, n int) (int, error) {
	if c.phase == protocol.Done {
		return 0, nil
	}
	stolen, err := c.expired(ctx, n)
	if err == nil && len(stolen) == 0 {
		stolen, err = c.silent(ctx, n)
	}
	if err != nil {
		return 0, err
	}
	c.lastSteal = time.Now()
	return c.take(stolen, true), nil
}

// expired takes up to n tasks whose lease ran out by the server's clock.
func (c *claimer) expired(ctx context.Context, n int) ([]task, error) {
	for start := "0-0"; ; {
		// Deleted entries are skipped, so a page may be empty before the end of the list.
		entries, next, err := c.client.Redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: c.client.Job.StreamKey(c.phase.Stream()), Group: protocol.Group, Consumer: c.consumer, MinIdle: c.lease, Start: start, Count: int64(n),
		}).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		if len(entries) > 0 || next == "0-0" {
			return parseTasks(c.phase.Stream(), entries)
		}
		start = next
	}
}

// sighting says since when another worker's heartbeat has been the same.
type sighting struct {
	beat  string
	since time.Time // by this process's monotonic clock
}

// silent takes up to n tasks of a worker whose heartbeat has not advanced for a lease by this
// process's own clock. It is needed because no lease runs out after the server's clock was set
// back.
func (c *claimer) silent(ctx context.Context, n int) ([]task, error) {
	pending, err := c.client.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: c.client.Job.StreamKey(c.phase.Stream()), Group: protocol.Group, Start: "-", End: "+", Count: stealScan,
	}).Result()
	if err != nil {
		return nil, protocol.Classify(err)
	}
	held := map[string][]string{}
	for _, p := range pending {
		if p.Consumer != c.consumer {
			held[p.Consumer] = append(held[p.Consumer], p.ID)
		}
	}
	seen := map[string]sighting{}
	defer func() { c.sightings = seen }()
	for owner, ids := range held {
		beat, err := c.client.Redis.HGet(ctx, c.client.Job.Key("workers"), owner).Result()
		// A worker that never sent a heartbeat is as silent as one that stopped.
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, protocol.Classify(err)
		}
		now := sighting{beat, time.Now()}
		if before, ok := c.sightings[owner]; ok && before.beat == beat {
			now = before
		}
		seen[owner] = now
		if time.Since(now.since) <= c.lease {
			continue
		}
		entries, err := c.client.Redis.XClaim(ctx, &redis.XClaimArgs{
			Stream: c.client.Job.StreamKey(c.phase.Stream()), Group: protocol.Group, Consumer: c.consumer, Messages: ids[:min(len(ids), n)],
		}).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		return parseTasks(c.phase.Stream(), entries)
	}
	return nil, nil
}
