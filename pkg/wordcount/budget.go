package wordcount

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redis/go-redis/v9"
)

// weighEvery is how often the memory of a job is looked at, where it has a budget.
const weighEvery = 2 * time.Second

// withinBudget refuses to go on when the job's keys take more memory than a server's owner allows. What is there stays:
// with a larger budget the next run resumes.
func (s *Supervisor) withinBudget(ctx context.Context) error {
	if s.Budget <= 0 || time.Since(s.weighed) < weighEvery {
		return nil
	}
	s.weighed = time.Now()
	sizes := make([]*redis.IntCmd, 0, len(s.Plan.Job.Keys()))
	_, err := s.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range s.Plan.Job.Keys() {
			sizes = append(sizes, p.MemoryUsage(ctx, key))
		}
		return nil
	})
	if err != nil && err != redis.Nil { // a key that isn't there
		if err := classify(err); !passing(err) && !s.blind {
			s.Say("! the memory that the job takes can't be seen, so its budget isn't kept: %v", err)
			s.blind = true
		}
		return nil // if it is more than that, the watch will see
	}
	var used int64
	for _, size := range sizes {
		used += size.Val()
	}
	if used > s.Budget {
		return fmt.Errorf("%w: the job takes %s of the server's memory, its budget is %s: raise WORDCOUNT_REDIS_MEMORY and run again to resume",
			ErrRedis, humanize.IBytes(uint64(used)), humanize.IBytes(uint64(s.Budget)))
	}
	return nil
}
