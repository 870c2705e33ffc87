package wordcount

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// followEvery is how often a job is looked at that others supervise.
const followEvery = 200 * time.Millisecond

// JobStatus returns where a job stands. The error is ErrState if it isn't there.
func JobStatus(ctx context.Context, rdb redis.UniversalClient, job Job) (Status, error) {
	st, err := protocol{rdb, job}.status(ctx)
	if errors.Is(err, errNoJob) {
		err = fmt.Errorf("%w: job %s is not on this server", ErrState, job.ID)
	}
	return st, err
}

// Attach returns a supervisor for a job that others supervise: good for Follow and Release, no more.
func Attach(ctx context.Context, rdb redis.UniversalClient, job Job) (*Supervisor, Status, error) {
	st, err := JobStatus(ctx, rdb, job)
	if err != nil {
		return nil, st, err
	}
	job.Reducers = st.Reducers
	s := &Supervisor{Redis: rdb, Plan: Plan{Job: job}, protocol: protocol{rdb, job}}
	s.owner.Store(st.Run)
	return s, st, nil
}

// Follow looks at the job until it is sealed, and leaves mending to its supervisor.
func (s *Supervisor) Follow(ctx context.Context) error {
	var nap pause
	for {
		st, err := s.status(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && st.Released:
			return nil
		case err == nil:
			nap.reset()
			s.progress.Store(int64(st.Mapped + st.Reduced + st.Buried))
			if err := sleep(ctx, followEvery); err != nil {
				return err
			}
		case passing(err) || errors.Is(err, errNoJob):
			if late := nap.wait(ctx); late != nil {
				return unreachable(late, err)
			}
		default:
			return err
		}
	}
}

// Clean deletes a job from Redis, whoever it belongs to, in one step. It returns how many keys it had.
func Clean(ctx context.Context, rdb redis.UniversalClient, job Job) (keys int, err error) {
	return protocol{rdb, job}.clean(ctx, "")
}
