package protocol

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Held is a task that a consumer holds.
type Held struct {
	Task     TaskID
	Consumer string
	Age      time.Duration // of its lease, by the server's clock: since the last heartbeat
	Released bool          // the lease is over, because its owner died or left; Age says nothing
}

// longAgo is the idle time that marks a lease as released. The library sets it.
const longAgo = 1e9 * time.Millisecond

// HeldTasks lists the tasks that are held, at most `most` of each stream, those with the lowest
// numbers first. It is for display only.
func (c Client) HeldTasks(ctx context.Context, most int) ([]Held, error) {
	var all []Held
	for _, stream := range []Stream{Maps, Reduces} {
		pending, err := c.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: c.Job.StreamKey(stream), Group: Group, Start: "-", End: "+", Count: int64(most),
		}).Result()
		if err != nil {
			return nil, Classify(err)
		}
		for _, p := range pending {
			id, ours := strings.CutSuffix(p.ID, "-0")
			n, err := strconv.Atoi(id)
			if err != nil || !ours {
				return nil, fmt.Errorf("%w: stream %s has an ID %q that no task has", ErrState, stream, p.ID)
			}
			all = append(all, Held{TaskID{stream, n}, p.Consumer, p.Idle, p.Idle >= longAgo})
		}
	}
	return all, nil
}
