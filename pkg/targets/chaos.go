package targets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Chaos breaks the job that is running in this folder, or one of its own, and judges the result
type Chaos mg.Namespace

// KillWorker kills a worker that holds a task, and shows who takes it
func (Chaos) KillWorker(ctx context.Context) error { return experiment(ctx, chaos.KillWorker) }

// PauseWorker stops a worker until its task is stolen, then lets the zombie go on
func (Chaos) PauseWorker(ctx context.Context) error { return experiment(ctx, chaos.PauseWorker) }

// KillSupervisor kills the process that runs the job, and resumes it
func (Chaos) KillSupervisor(ctx context.Context) error { return experiment(ctx, chaos.KillSupervisor) }

// RestartRedis kills Redis, and shows what the last checkpoint brings back
func (Chaos) RestartRedis(ctx context.Context) error { return experiment(ctx, chaos.RestartRedis) }

// PauseRedis stops Redis for some seconds
func (Chaos) PauseRedis(ctx context.Context) error { return experiment(ctx, chaos.PauseRedis) }

// RollbackRedis kills Redis, and restores an older checkpoint
func (Chaos) RollbackRedis(ctx context.Context) error { return experiment(ctx, chaos.RollbackRedis) }

// CorruptCheckpoint kills Redis, and flips a bit in its last checkpoint
func (Chaos) CorruptCheckpoint(ctx context.Context) error {
	return experiment(ctx, chaos.CorruptCheckpoint)
}

// DropReplies cuts every connection for a second, so that replies are lost
func (Chaos) DropReplies(ctx context.Context) error { return experiment(ctx, chaos.DropReplies) }

// All runs every fault against a job of its own, and prints one table
func (Chaos) All(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error { return s.tabulate(ctx) })
}

// Storm injects faults at random into jobs of its own; -time=1m -every=1s -seed=N -bytes=1GiB
func (Chaos) Storm(ctx context.Context, time, every *time.Duration, seed *int, bytes *string) error {
	return inFolder(ctx, func(s *session) error { return s.storm(ctx, time, every, seed, bytes) })
}

// Attack injects faults, one after the other, into the job of this configuration, which somebody else runs or is about
// to. It returns when the job has outlived them.
func Attack(ctx context.Context, c Config, faults ...chaos.Fault) error {
	c, err := c.resolve(nil)
	if err != nil {
		return coded(ctx, err)
	}
	s := newSession(c.complete()) // not the one of whoever runs the job in this process, perhaps
	if err := redisd.CheckFolder(s.config.Dir); err != nil {
		return coded(ctx, err)
	}
	if err := s.await(ctx, nil); err != nil {
		return coded(ctx, err)
	}
	_, err = s.attack(ctx, faults...)
	return coded(ctx, err)
}

// await waits until a supervisor works on a job in this folder, and makes that the session's. It ends early if ended
// does.
func (s *session) await(ctx context.Context, ended <-chan struct{}) error {
	s.name = "chaos" // what is cut are other connections than these
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

// attacker is the session's job as chaos sees it.
func (s *session) attacker() chaos.Attack {
	return chaos.Attack{
		Redis: s.rdb, Server: s.server, Plan: s.plan, Folder: s.folder, Durability: s.config.Durability, Resume: s.resume,
		Say: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	}
}

// attack injects faults into the session's job, and waits for its result.
func (s *session) attack(ctx context.Context, faults ...chaos.Fault) (recovery time.Duration, err error) {
	a := s.attacker()
	if err := a.Ripen(ctx); err != nil {
		return 0, err
	}
	for _, fault := range faults {
		if recovery, err = fault.Inject(a, ctx); err != nil {
			return 0, err
		}
	}
	sealed, err := a.Outlive(ctx)
	s.sealed = &sealed
	return recovery, err
}

// resume runs the session's job again, in a process of its own.
func (s *session) resume(ctx context.Context) error {
	c := s.config
	o := s.plan.Options
	c.Input, c.Split, c.Reducers = s.plan.Manifest.Root, o.Split, o.Reducers
	c.Exclude, c.Skip, c.Growing = o.Exclude, o.Skip, o.Growing
	return s.start(ctx, c)
}

// start runs a job in a process of its own, and returns when its supervisor is at work.
func (s *session) start(ctx context.Context, c Config) error {
	job, err := s.launch(c)
	if err != nil {
		return err
	}
	return s.await(ctx, job.ended)
}

// launch runs a job in a process of its own, which endJobs ends.
func (s *session) launch(c Config) (*jobProcess, error) {
	job, err := startJob(c)
	if err == nil {
		s.jobs = append(s.jobs, job)
	}
	return job, err
}

// experiment attacks the job that runs in this folder, or else one that it starts, and judges what comes of it.
func experiment(ctx context.Context, fault chaos.Fault) error {
	return inFolder(ctx, func(s *session) (err error) {
		if plan, err := s.folder.Last(); err == nil && s.folder.Supervised(plan.Job.ID) {
			s.plan = plan
			if err := s.connect(ctx, false); err != nil {
				return err
			}
		} else {
			if s.config.Redis.URL != "" && fault.Victim == chaos.Server {
				return redisd.ErrGiven // before any text is written for it
			}
			s.note("no job is running in this folder: starting one")
			if s, err = s.guineaPig(ctx, guineaBytes); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.stopServer(ctx)) }()
		}
		defer s.endJobs()
		if _, err := s.attack(ctx, fault); err != nil {
			return err
		}
		fmt.Printf("sealed: %s redone, none counted twice\n", plural(s.sealed.Redone, "task"))
		return s.verify(ctx, s.plan, *s.sealed)
	})
}

// The job that is started for an attack: small splits and slow workers stretch it to some seconds.
const (
	guineaBytes = 64 << 20
	guineaTasks = 64
	guineaSlow  = 150 * time.Millisecond // over each task
	guineaLease = time.Second
)

// guineaPig starts a job of its own in another process, with a state folder and a server of its own, so that the jobs
// of this folder are left in peace.
func (s *session) guineaPig(ctx context.Context, bytes int64) (own *session, err error) {
	c := s.config
	c.Dir = filepath.Join(s.config.Dir, "chaos")
	c.Input = filepath.Join(s.config.Dir, fmt.Sprintf("chaos-texts-%d", bytes))
	c.Exclude, c.Skip, c.Growing = nil, wordcount.Skip{}, false
	c.Split, c.Checkpoint, c.Lease = bytes/guineaTasks, time.Second, guineaLease
	c.Faults = fmt.Sprintf("slow=%s:%d", guineaSlow, c.Workers)
	own = newSession(c.complete())
	bar := newProgress(os.Stderr)
	bar.total = bytes
	err = corpus.Write(ctx, c.Input, corpus.Spec{Bytes: bytes}, func(written int64) { bar.advance("generate", written) })
	bar.finish()
	if err != nil {
		return nil, err
	}
	return own, own.again(ctx)
}

// again starts the session's job from nothing: the same job as the last time would be up to date, and over at once.
func (s *session) again(ctx context.Context) error {
	if err := s.clean(ctx); err != nil {
		return err
	}
	return s.start(ctx, s.config)
}

// endJobs ends the processes that run the session's job, those that still do.
func (s *session) endJobs() {
	for _, job := range s.jobs {
		job.interrupt()
	}
	s.jobs = nil
}

// stopServer stops the session's server, if it is one of ours.
func (s *session) stopServer(ctx context.Context) error {
	if s.server == nil || !s.server.Owned() {
		return nil
	}
	return s.server.Stop(context.WithoutCancel(ctx))
}
