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
func Clean(ctx context.Context, rdb redis.UniversalClient, job Job) (keys int, err error) {
	return Client{Redis: rdb, Job: job}.Clean(ctx, "")
}
