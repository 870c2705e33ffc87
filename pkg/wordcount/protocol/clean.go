package protocol

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Clean deletes the job in one step, if it belongs to the run, and returns how many keys it had. An
// empty run stands for any.
func (c Client) Clean(ctx context.Context, run string) (keys int, err error) {
	return c.call(ctx, "clean", c.Job.Keys(), run).Int()
}

// Clean deletes a job in one step, whichever run it belongs to, and returns how many keys it had.
// It needs no function: a server without memory refuses to load and to call one, and Clean is what
// gives memory back.
func Clean(ctx context.Context, rdb redis.UniversalClient, job Job) (keys int, err error) {
	deleted, err := rdb.Unlink(ctx, job.AllKeys()...).Result()
	if err != nil {
		return 0, Classify(err)
	}
	return int(deleted), nil
}
