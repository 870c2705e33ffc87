package claim

import (
	"context"
	"fmt"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// inputsLookedAt is how many inputs of a job a host checks before its workers join.
const inputsLookedAt = 16

// CheckInputs checks some of the job's files on this host. It is called before the host claims any
// task, because workers that see other files can only do harm. The error of a file that differs
// wraps plan.ErrForeign, and says what was expected and what is there.
func CheckInputs(ctx context.Context, client protocol.Client, trust plan.Trust) error {
	c, err := NewChecker(trust)
	if err != nil {
		return err
	}
	defer c.Close()
	tasks, err := sample(ctx, client, inputsLookedAt)
	if err != nil {
		return err
	}
	each := inputsLookedAt / max(1, len(tasks))
	for _, t := range tasks {
		if err := c.Check(t); err != nil {
			return err
		}
		n := 0
		for part := range t.Split.Ranges() {
			if n++; n > each {
				break
			}
			if err := part.File.Check(ctx); err != nil {
				return fmt.Errorf("%w: %s should have %d bytes of %s: %s",
					plan.ErrForeign, strconv.Quote(part.Path), part.Size, input.TimeText(part.MTime), input.Describe(err))
			}
		}
	}
	return nil
}

// sample returns up to n map tasks of the job, spread over the whole stream.
func sample(ctx context.Context, client protocol.Client, n int) (tasks []Task, err error) {
	st, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	n = min(n, st.Seeded)
	entries := make([]*redis.XMessageSliceCmd, n)
	_, err = client.Redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := range n {
			id := fmt.Sprintf("%d-0", 1+i*st.Seeded/n)
			entries[i] = pipe.XRange(ctx, client.Job.StreamKey(protocol.Maps), id, id)
		}
		return nil
	})
	if err != nil {
		return nil, protocol.Classify(err)
	}
	for _, e := range entries {
		some, err := parseTasks(protocol.Maps, e.Val())
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	return tasks, nil
}
