package claim

import (
	"context"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// stragglerMin is the least time that this worker must have seen a task with another worker before it
// does the task a second time.
const stragglerMin = 200 * time.Millisecond

// backup takes a map task that this worker has seen with another worker for longer than any of its own
// tasks took, to do it a second time. It is called only when there is nothing else to do. These are
// the backup tasks of the MapReduce paper (Dean and Ghemawat, 2004, section 3.6). backup returns
// one task at most.
//
// backup claims nothing, so the owner keeps its lease. The first of the two to commit wins, and the
// other one is told that the task is settled. When one worker of four sleeps for 30 s over each
// task, 512 MiB take 1.6 s with backup tasks, and 31 s without.
func (c *Claimer) backup(ctx context.Context) ([]Task, error) {
	// Without reducers a commit takes long. If it is done twice, it takes twice as long.
	if c.Phase != protocol.Mapping || c.me.Client.Job.Reducers == 0 {
		return nil, nil
	}
	pending, err := c.me.Client.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: c.me.Client.Job.StreamKey(protocol.Maps), Group: protocol.Group, Start: "-", End: "+", Count: stealScan,
	}).Result()
	if err != nil {
		return nil, protocol.Classify(err)
	}
	watched := map[string]time.Time{}
	defer func() { c.watched = watched }()
	// The owner works on the task that was delivered last. It may have counted the earlier ones
	// already, and will commit them.
	for _, p := range slices.Backward(pending) {
		if p.Consumer == c.me.Name {
			continue
		}
		first, ok := c.watched[p.ID]
		if !ok {
			first = time.Now()
		}
		watched[p.ID] = first
		if time.Since(first) < max(c.longest, stragglerMin) {
			continue
		}
		entries, err := c.me.Client.Redis.XRange(ctx, c.me.Client.Job.StreamKey(protocol.Maps), p.ID, p.ID).Result()
		if err != nil {
			return nil, protocol.Classify(err)
		}
		tasks, err := parseTasks(protocol.Maps, entries)
		if err != nil {
			return nil, err
		}
		if added := c.hold(tasks, false); len(added) > 0 {
			added[0].How = event.Backup
			return added, nil
		}
	}
	return nil, nil
}
