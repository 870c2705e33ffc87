package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// weighEvery is how often the memory of a job is looked at, where it has a budget.
const weighEvery = 2 * time.Second

// ErrBudget reports that a job takes more memory of a given server than it may. With a larger budget the next run resumes.
var ErrBudget = fmt.Errorf("%w", protocol.ErrRedis)

// budget keeps a job within the memory that a server's owner allows. The watch alone uses it.
type budget struct {
	client protocol.Client
	limit  int64 // bytes; 0: any
	events Events

	weighed time.Time // when the memory of the job was last looked at
	blind   bool      // people were told that it can't be looked at
}

// check refuses to go on when the job's keys take more memory than the limit. What is there stays: with a larger budget
// the next run resumes.
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
	if err != nil && !errors.Is(err, redis.Nil) { // a key that isn't there
		if err := protocol.Classify(err); !protocol.Transient(err) && !b.blind {
			b.events.warn("the memory that the job takes can't be seen, so its budget isn't kept: %v", err)
			b.blind = true
		}
		return nil // if it is more than that, the watch will see
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
