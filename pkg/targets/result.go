package targets

import (
	"context"
	"errors"
	"fmt"

	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
)

// Result returns the result of this configuration's sealed job, from the configuration's state
// folder and server:
//
//	for word, err := range result.All(ctx) { … }
//
// The job is the one that Job(c) would run now. So Result looks at the input, and never returns a
// result of older input. The error wraps wordcount.ErrIncomplete if the job isn't sealed.
func Result(ctx context.Context, c Config) (*wordcount.Result, error) {
	r, err := resultOf(ctx, c)
	return r, failure.Explain(ctx, err)
}

func resultOf(ctx context.Context, c Config) (*wordcount.Result, error) {
	c, err := config.Resolve(c, nil)
	if err != nil {
		return nil, err
	}
	c = config.Complete(c)
	s := sessionOf(c)
	if s.job == nil || !s.job.IsSealed() { // this process has not sealed the job
		s = newSession(c)
		if err := s.open(ctx); err != nil {
			return nil, err
		}
	}
	r, err := s.job.Result(ctx)
	if errors.Is(err, wordcount.ErrIncomplete) {
		err = fmt.Errorf("%w: %s as it is now is not counted (job %s): depend on targets.Job first",
			wordcount.ErrIncomplete, plan.NameOf(c.Inputs), s.job.ID())
	}
	return r, err
}
