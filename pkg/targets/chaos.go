package targets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Chaos breaks the job that is running in this folder, or one of its own, and judges the result
type Chaos mg.Namespace

// KillWorker kills a worker that holds a task, and shows who takes it
func (Chaos) KillWorker(ctx context.Context) error { return experiment(ctx, chaos.Attack.KillWorker) }

// RestartRedis kills Redis, and shows what the last checkpoint brings back
func (Chaos) RestartRedis(ctx context.Context) error {
	return experiment(ctx, chaos.Attack.RestartRedis)
}

// Fault is something that chaos does to a running job.
type Fault = func(chaos.Attack, context.Context) error

// Attack injects faults, one after the other, into the job of this configuration, which somebody else runs or is about
// to. It returns when the job has outlived them.
func Attack(ctx context.Context, c Config, faults ...Fault) error {
	s := newSession(c.complete()) // not the one of whoever runs the job in this process, perhaps
	if err := s.await(ctx, nil); err != nil {
		return coded(ctx, err)
	}
	_, err := s.attack(ctx, faults...)
	return coded(ctx, err)
}

// await waits until a supervisor works on a job in this folder, and makes that the session's. It ends early if ended
// does.
func (s *session) await(ctx context.Context, ended <-chan struct{}) error {
	for {
		if plan, err := s.folder.Last(); err == nil && s.folder.Supervised(plan.Job.ID) {
			s.plan = plan
			return s.connect(ctx, false)
		}
		select {
		case <-ended:
			return fmt.Errorf("%w: the job to attack ended at once", wordcount.ErrIncomplete)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// attack injects faults into the session's job, and waits for its result.
func (s *session) attack(ctx context.Context, faults ...Fault) (wordcount.Sealed, error) {
	a := chaos.Attack{
		Redis: s.rdb, Server: s.server, Plan: s.plan, Folder: s.folder, Durability: s.config.Durability,
		Say: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	}
	if err := a.Ripen(ctx); err != nil {
		return wordcount.Sealed{}, err
	}
	for _, fault := range faults {
		if err := fault(a, ctx); err != nil {
			return wordcount.Sealed{}, err
		}
	}
	return a.Outlive(ctx)
}

// experiment attacks the job that runs in this folder, or else one that it starts, and judges what comes of it.
func experiment(ctx context.Context, fault Fault) error {
	return inFolder(ctx, func(s *session) (err error) {
		if plan, err := s.folder.Last(); err == nil && s.folder.Supervised(plan.Job.ID) {
			s.plan = plan
			if err := s.connect(ctx, false); err != nil {
				return err
			}
		} else {
			s.note("no job is running in this folder: starting one")
			own, end, err := s.guineaPig(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, end()) }()
			s = own
		}
		sealed, err := s.attack(ctx, fault)
		if err != nil {
			return err
		}
		fmt.Printf("sealed: %s redone, none counted twice\n", plural(sealed.Redone, "task"))
		return s.verify(ctx, s.plan, sealed)
	})
}

// The job that is started for an attack: small splits and slow workers stretch it to some seconds.
const (
	guineaBytes = 64 << 20
	guineaSplit = 1 << 20
	guineaSlow  = 150 * time.Millisecond // over each task
)

// guineaPig starts a job of its own in another process, with a state folder and a server of its own, so that the jobs
// of this folder are left in peace. What it returns must be ended.
func (s *session) guineaPig(ctx context.Context) (own *session, end func() error, err error) {
	c := s.config
	c.Dir = filepath.Join(s.config.Dir, "chaos")
	c.Input = filepath.Join(s.config.Dir, "chaos-texts")
	c.Split, c.Checkpoint = guineaSplit, time.Second
	c.Faults = fmt.Sprintf("slow=%s:%d", guineaSlow, c.Workers)
	own = sessionOf(c.complete())
	if err := corpus.Write(ctx, c.Input, corpus.Spec{Bytes: guineaBytes}, nil); err != nil {
		return nil, nil, err
	}
	// The same job as the last time would be up to date, and over at once.
	if err := own.clean(ctx); err != nil {
		return nil, nil, err
	}
	job, err := startJob(own.config)
	if err != nil {
		return nil, nil, err
	}
	end = func() error {
		job.interrupt() // it has ended by itself, unless the attack failed
		if own.server == nil || !own.server.Owned() {
			return nil
		}
		return own.server.Stop(context.WithoutCancel(ctx))
	}
	if err := own.await(ctx, job.ended); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return own, end, nil
}
