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
)

// Chaos breaks the job that is running in this folder, or one of its own, and judges the result
type Chaos mg.Namespace

// KillWorker kills a worker that holds a task, and shows who takes it
func (Chaos) KillWorker(ctx context.Context) error { return underAttack(ctx, chaos.Attack.KillWorker) }

// RestartRedis kills Redis, and shows what the last checkpoint brings back
func (Chaos) RestartRedis(ctx context.Context) error {
	return underAttack(ctx, chaos.Attack.RestartRedis)
}

// underAttack injects a fault into the job that runs in this folder, or else into one that it starts, and verifies
// what comes of it.
func underAttack(ctx context.Context, fault func(chaos.Attack, context.Context) error) error {
	return inFolder(ctx, func(s *session) error {
		if plan, err := s.folder.Last(); err == nil && s.folder.Supervised(plan.Job.ID) {
			s.plan = plan
			return s.attack(ctx, fault)
		}
		s.note("no job is running in this folder: starting one")
		own, end, err := s.guineaPig(ctx)
		if err != nil {
			return err
		}
		return errors.Join(own.attack(ctx, fault), end())
	})
}

// attack injects the fault, waits for the end, and recounts.
func (s *session) attack(ctx context.Context, fault func(chaos.Attack, context.Context) error) error {
	if err := s.connect(ctx, false); err != nil {
		return err
	}
	a := chaos.Attack{Redis: s.rdb, Server: s.server, Plan: s.plan, Folder: s.folder, Say: func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
	}}
	if err := a.Ripen(ctx); err != nil {
		return err
	}
	if err := fault(a, ctx); err != nil {
		return err
	}
	sealed, err := a.Outlive(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("sealed: %s redone, none counted twice\n", plural(sealed.Redone, "task"))
	return s.verify(ctx, s.plan, sealed)
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
	for {
		if plan, err := own.folder.Last(); err == nil && own.folder.Supervised(plan.Job.ID) {
			own.plan = plan
			return own, end, nil
		}
		select {
		case <-job.ended:
			return nil, nil, fmt.Errorf("the job to attack did not start: %v", job.cmd.ProcessState)
		case <-ctx.Done():
			return nil, nil, errors.Join(context.Cause(ctx), end())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
