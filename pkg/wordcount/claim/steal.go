package claim

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// stealScan is how many pending tasks a thief looks at, to check their owners.
const stealScan = 100

// steal takes over up to n tasks of a worker that is dead, or has been silent for a whole lease. If
// the owner comes back, the first commit wins.
func (c *Claimer) steal(ctx context.Context, n int) ([]Task, error) {
	if c.Phase == protocol.Done {
		return nil, nil
	}
	stolen, err := c.expired(ctx, n)
	if err == nil && len(stolen) == 0 {
		stolen, err = c.silent(ctx, n)
	}
	if err != nil {
		return nil, err
	}
	c.lastSteal = time.Now()
	return c.hold(stolen, true), nil
}

// expired takes up to n tasks whose lease ran out by the server's clock.
func (c *Claimer) expired(ctx context.Context, n int) ([]Task, error) {
	for start := "0-0"; ; {
		// Deleted entries are skipped, so a page may be empty before the end of the list.
		entries, next, err := c.me.Client.Redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: c.me.Client.Job.StreamKey(c.Phase.Stream()), Group: protocol.Group, Consumer: c.me.Name, MinIdle: c.me.Lease, Start: start, Count: int64(n),
		}).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		if len(entries) > 0 || next == "0-0" {
			return parseTasks(c.Phase.Stream(), entries)
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
func (c *Claimer) silent(ctx context.Context, n int) ([]Task, error) {
	pending, err := c.me.Client.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: c.me.Client.Job.StreamKey(c.Phase.Stream()), Group: protocol.Group, Start: "-", End: "+", Count: stealScan,
	}).Result()
	if err != nil {
		return nil, protocol.Classify(err)
	}
	held := map[string][]string{}
	for _, p := range pending {
		if p.Consumer != c.me.Name {
			held[p.Consumer] = append(held[p.Consumer], p.ID)
		}
	}
	seen := map[string]sighting{}
	defer func() { c.sightings = seen }()
	for owner, ids := range held {
		beat, err := c.me.Client.Redis.HGet(ctx, c.me.Client.Job.Key("workers"), owner).Result()
		// A worker that never sent a heartbeat is as silent as one that stopped.
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, protocol.Classify(err)
		}
		now := sighting{beat, time.Now()}
		if before, ok := c.sightings[owner]; ok && before.beat == beat {
			now = before
		}
		seen[owner] = now
		if time.Since(now.since) <= c.me.Lease {
			continue
		}
		entries, err := c.me.Client.Redis.XClaim(ctx, &redis.XClaimArgs{
			Stream: c.me.Client.Job.StreamKey(c.Phase.Stream()), Group: protocol.Group, Consumer: c.me.Name, Messages: ids[:min(len(ids), n)],
		}).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		return parseTasks(c.Phase.Stream(), entries)
	}
	return nil, nil
}
