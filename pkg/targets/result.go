package targets

import (
	"context"
	"fmt"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Result returns the words of this configuration's sealed job, wherever its state folder and its server are:
//
//	for word, err := range result.Entries(ctx) { … }
//
// The job is the one that Job(c) runs now, so its input is looked at, and an older result is never taken for it. The error
// wraps wordcount.ErrIncomplete if it isn't sealed.
func Result(ctx context.Context, c Config) (wordcount.Result, error) {
	r, err := c.result(ctx)
	return r, coded(ctx, err)
}

func (c Config) result(ctx context.Context) (wordcount.Result, error) {
	c, err := c.resolve(nil)
	if err != nil {
		return wordcount.Result{}, err
	}
	c = c.complete()
	s := sessionOf(c)
	if s.sealed == nil { // not by this process
		s = newSession(c)
		if s.plan, err = s.newPlan(); err != nil {
			return wordcount.Result{}, err
		}
		sealed, ok, err := s.folder.Sealed(s.plan.Job.ID)
		if err != nil {
			return wordcount.Result{}, err
		}
		if !ok {
			return wordcount.Result{}, fmt.Errorf("%w: %s as it is now is not counted (job %s): depend on targets.Job before",
				wordcount.ErrIncomplete, strconv.Quote(c.Input), s.plan.Job.ID)
		}
		s.sealed = &sealed
		if err := s.connect(ctx, false); err != nil {
			return wordcount.Result{}, err
		}
	}
	return wordcount.Result{Redis: s.rdb, Job: s.plan.Job, Fence: s.sealed.Fence}, nil
}
