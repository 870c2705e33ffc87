package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// weighEvery is the time between two checks of the memory of a job that has a budget.
const weighEvery = 2 * time.Second

// ErrBudget reports that a job takes more memory of a given server than its budget allows. The next
// run resumes if it has a larger budget.
var ErrBudget = fmt.Errorf("%w", protocol.ErrRedis)

// budget keeps a job within the memory that the owner of a server allows. Only the watch uses it.
type budget struct {
	client protocol.Client
	limit  int64 // bytes; 0: no limit
	events event.Receiver

	weighed time.Time // when the memory of the job was last checked
	blind   bool      // people were told that the memory can't be seen
}

// check returns an error that wraps ErrBudget if the job's keys take more memory than the limit.
// The keys stay, so the next run resumes if it has a larger budget.
func (b *budget) check(ctx context.Context) error {
	if b.limit <= 0 || time.Since(b.weighed) < weighEvery {
		return nil
	}
	b.weighed = time.Now()
	sizes := make([]*redis.IntCmd, 0, len(b.client.Job.Keys()))
	_, err := b.client.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range b.client.Job.Keys() {
			sizes = append(sizes, p.MemoryUsage(ctx, key))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // redis.Nil: a key doesn't exist
		if err := protocol.Classify(err); !protocol.Transient(err) && !b.blind {
			b.events.Warn("can't see how much memory the job takes, so its budget isn't kept: %v", err)
			b.blind = true
		}
		return nil // if Redis is in trouble, the watch notices
	}
	var used int64
	for _, size := range sizes {
		used += size.Val()
	}
	if used > b.limit {
		return fmt.Errorf("%w: the job takes %s of the server's memory, its budget is %s",
			ErrBudget, humanize.IBytes(uint64(used)), humanize.IBytes(uint64(b.limit)))
	}
	return nil
}
