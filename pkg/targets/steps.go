package targets

import (
	"cmp"
	"context"
	"errors"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/graph"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// step returns a node that runs a step of a configuration, after the nodes that it needs.
func step(name string, c Config, do func(context.Context, *session) error, needs ...mg.Fn) mg.Fn {
	c = config.Complete(c)
	return graph.New(name, config.ID(c), func(ctx context.Context) error {
		s := sessionOf(c)
		err := cmp.Or(do(ctx, s), show.Out.Err())
		return failure.Resumable(failure.Explain(ctx, err), s.recorded())
	}, needs...)
}

// failing returns a step that fails with err, for a configuration that is wrong.
func failing(name string, c Config, err error) mg.Fn {
	return step(name, c, func(context.Context, *session) error { return err })
}

func startRedis(ctx context.Context, s *session) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if c := s.config.Redis; c.URL == "" && c.Kind == "" {
		if _, err := redisd.Open(c); errors.Is(err, redisd.ErrNone) {
			s.shown.Say("redis:start", "skipped given: REDIS_URL is not set")
		}
	}
	return s.job.Connect(ctx)
}

func loadFunctions(ctx context.Context, s *session) error { return s.job.Load(ctx) }

func seedStream(ctx context.Context, s *session) error {
	if config.Taken(s.config) != "" {
		s.shown.Say("stream:seed", "going on with the last run: %s; name an input to count another", config.Taken(s.config))
	}
	err := s.job.Seed(ctx)
	s.shown.Total = s.job.Planned().Manifest.Bytes
	return err
}

func spawnWorkers(ctx context.Context, s *session) error {
	s.shown.Living = s.job.Living
	return s.job.Spawn(ctx)
}

func checkpointLoop(ctx context.Context, s *session) error { return s.job.Checkpoints(ctx) }

// seal waits until all tasks are done, seals the job, and only then dismisses the workers.
func seal(ctx context.Context, s *session) error {
	result, err := s.job.Seal(ctx)
	s.printJournal()
	s.shown.Finish()
	if err != nil {
		return err
	}
	return s.shown.Report(ctx, s.job, result)
}

func verify(ctx context.Context, s *session) error {
	result, err := s.job.Result(ctx)
	if err != nil {
		return err
	}
	return s.verify(ctx, result)
}
