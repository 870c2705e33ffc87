package claim

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

const (
	// stealScan is how many pending tasks a thief looks at, to check their owners.
	stealScan = 100
	// stealPages is how many pages of pending tasks a thief looks at, to find those whose lease ran
	// out. The server's pages have ten tasks for each that the thief would take.
	stealPages = 2
)

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

// expired takes up to n tasks whose lease ran out by the server's clock. It looks at some pages of
// the pending tasks, from a random task on, because the other workers look at the rest. If each
// worker looked at all that the others hold, the cost would grow with the square of their number.
// The tasks of a dead worker fall behind those that the others take, so most random tasks are right
// before them.
func (c *Claimer) expired(ctx context.Context, n int) ([]Task, error) {
	start := fmt.Sprintf("%d-0", rand.IntN(c.Maps+1))
	for pages, ends := 0, 0; pages < stealPages && ends < 2; pages++ {
		// Deleted entries are skipped, so a page may be empty before the end of the list.
		entries, next, err := c.me.Client.Redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: c.me.Client.Job.StreamKey(c.Phase.Stream()), Group: protocol.Group, Consumer: c.me.Name, MinIdle: c.me.Lease, Start: start, Count: int64(n),
		}).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		if len(entries) > 0 {
			return parseTasks(c.Phase.Stream(), entries)
		}
		if start = next; start == "0-0" { // that was the last page, and here begins the first
			ends++
		}
	}
	return nil, nil
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
	if len(held) == 0 {
		c.sightings = nil
		return nil, nil
	}
	owners := slices.Collect(maps.Keys(held))
	beats, err := c.me.Client.Redis.HMGet(ctx, c.me.Client.Job.Key("workers"), owners...).Result()
	if err != nil {
		return nil, protocol.Classify(err)
	}
	seen := map[string]sighting{}
	defer func() { c.sightings = seen }()
	for i, owner := range owners {
		ids := held[owner]
		// A worker that never sent a heartbeat is as silent as one that stopped.
		beat, _ := beats[i].(string)
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
