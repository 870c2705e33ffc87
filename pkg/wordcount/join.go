package wordcount

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// inputsLookedAt is how many of a job's inputs a host looks at before its workers join.
const inputsLookedAt = 16

// Join makes sure that this host has the job's files, as far as some of them can tell, before it claims anything: workers
// that see other files can only do harm. The error wraps ErrInput, and says of one file what was expected and what is there.
func (s *Supervisor) Join(ctx context.Context, trust Trust) error {
	c, err := trust.checker()
	if err != nil {
		return err
	}
	defer c.close()
	tasks, err := s.sample(ctx, inputsLookedAt)
	if err != nil {
		return err
	}
	each := inputsLookedAt / max(1, len(tasks))
	for _, t := range tasks {
		if err := c.check(t); err != nil {
			return err
		}
		n := 0
		for part := range t.split.Parts() {
			if n++; n > each {
				break
			}
			if how := part.File.differs(ctx); how != "" {
				return fmt.Errorf("%w: %s should have %d bytes of %s: %s", errForeign, strconv.Quote(part.Path), part.Size, timeText(part.MTime), how)
			}
		}
	}
	return nil
}

// differs says how a file differs from what the manifest has, or why it can't be read.
func (f File) differs(ctx context.Context) string {
	var in input
	how, err := in.open(ctx, f)
	switch {
	case err != nil:
		return plain(err)
	case how == "":
		in.close()
	}
	return how
}

// sample returns up to n of the job's map tasks, from all over the stream.
func (s *Supervisor) sample(ctx context.Context, n int) (tasks []task, err error) {
	st, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	n = min(n, st.Seeded)
	entries := make([]*redis.XMessageSliceCmd, n)
	_, err = s.Redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := range n {
			id := fmt.Sprintf("%d-0", 1+i*st.Seeded/n)
			entries[i] = pipe.XRange(ctx, s.Plan.Job.Key("map"), id, id)
		}
		return nil
	})
	if err != nil {
		return nil, classify(err)
	}
	for _, e := range entries {
		some, err := parseTasks("map", e.Val())
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	return tasks, nil
}
