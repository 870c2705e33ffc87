package targets

import (
	"cmp"
	"context"

	"github.com/dustin/go-humanize"
	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/chaos/experiment"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/graph"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// Attack injects faults, one after the other, into the job of this configuration. Another process
// runs the job; until one does, Attack waits. It returns when the job is sealed after all faults.
// The error wraps chaos.ErrOver if the job is already sealed, or ends before a fault could hit it.
// Attacked both runs a job and attacks it.
func Attack(ctx context.Context, c Config, faults ...chaos.Fault) error {
	c, err := config.Resolve(c, nil)
	if err != nil {
		return failure.Explain(ctx, err)
	}
	s := attackerOf(config.Complete(c))
	err = s.open(ctx)
	if err == nil {
		err = s.job.Plan(ctx)
	}
	if err != nil {
		return failure.Explain(ctx, err)
	}
	e := s.experiment()
	if err := e.Await(ctx, nil); err != nil {
		return failure.Explain(ctx, err)
	}
	_, err = e.Attack(ctx, faults...)
	return failure.Explain(ctx, cmp.Or(err, show.Out.Err()))
}

// Attacked is Job with these faults injected, one after the other, while the job runs. It shows
// only what is counted, one line for each fault, and the result. The error wraps chaos.ErrOver if the
// job ends before a fault could hit it.
func Attacked(c Config, faults ...chaos.Fault) mg.Fn {
	name := "attacked"
	for _, fault := range faults {
		name += " " + fault.Name
	}
	c, err := config.Resolve(c, nil)
	if err != nil {
		return failing(name, c, err)
	}
	return step(name, c, func(ctx context.Context, s *session) error { return s.underAttack(ctx, Job(c), faults) })
}

// underAttack runs the session's job, and attacks the job while it runs.
func (s *session) underAttack(ctx context.Context, job mg.Fn, faults []chaos.Fault) error {
	for _, fault := range faults {
		if s.config.Redis.URL != "" && fault.Victim == chaos.Server {
			return redisd.ErrGiven // refused before anything is counted
		}
	}
	s.shown.Quiet.Store(true)
	if err := graph.Run(ctx, graph.Find(job, "stream:seed")); err != nil {
		return err
	}
	if s.job.IsSealed() {
		return experiment.ErrSealed
	}
	_, server, err := s.job.Redis(ctx)
	if err != nil {
		return err
	}
	planned := s.job.Planned()
	s.shown.Tell("counting %s in %s: %s, %s, %s", humanize.IBytes(uint64(planned.Manifest.Bytes)), show.Plural(len(planned.Manifest.Files), "file"),
		show.Plural(len(planned.Splits()), "task"), show.Plural(s.config.Workers, "worker"), cmp.Or(server.Version, string(server.Kind)+" redis"))
	own := attackerOf(s.config)
	own.shown = s.shown
	err = own.open(ctx)
	if err == nil {
		err = own.job.Last()
	}
	if err != nil {
		return err
	}
	e := own.experiment()
	ended := make(chan struct{})
	var failure error
	go func() {
		defer close(ended)
		failure = graph.Run(ctx, job)
	}()
	err = e.Await(ctx, ended)
	if err == nil {
		_, err = e.Attack(ctx, faults...)
	}
	<-ended
	if failure != nil {
		return failure // the error of the attack is only a consequence
	}
	return err
}
