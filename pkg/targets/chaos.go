package targets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
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

// Attack injects faults, one after the other, into the job of this configuration. Another process
// runs the job; until one does, Attack waits. It returns when the job is sealed after all faults.
// The error wraps chaos.ErrOver if the job is already sealed, or ends before a fault could hit it.
// Attacked both runs a job and attacks it.
func Attack(ctx context.Context, c Config, faults ...chaos.Fault) error {
	c, err := c.resolve(nil)
	if err != nil {
		return coded(ctx, err)
	}
	s := attackers(c.complete())
	err = s.open(ctx)
	if err == nil {
		err = s.job.Plan(ctx)
	}
	if err != nil {
		return coded(ctx, err)
	}
	if err := s.await(ctx, nil); err != nil {
		return coded(ctx, err)
	}
	_, err = s.attack(ctx, faults...)
	return coded(ctx, err)
}

// Attacked is Job with these faults injected, one after the other, while the job runs. It shows
// only the result of the job and one line for each fault. The error wraps chaos.ErrOver if the job
// ends before a fault could hit it.
func Attacked(c Config, faults ...chaos.Fault) mg.Fn {
	name := "attacked"
	for _, fault := range faults {
		name += " " + fault.Name
	}
	c, err := c.resolve(nil)
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
	s.quiet.Store(true)
	if err := depend(ctx, []mg.Fn{find(job, "stream:seed")}); err != nil {
		return err
	}
	if s.job.IsSealed() {
		return errSealed
	}
	_, server, err := s.job.Redis(ctx)
	if err != nil {
		return err
	}
	planned := s.job.Planned()
	s.tell("counting %s in %s: %s, %s, %s", humanize.IBytes(uint64(planned.Manifest.Bytes)), plural(len(planned.Manifest.Files), "file"),
		plural(len(planned.Splits()), "task"), plural(s.config.Workers, "worker"), cmp.Or(server.Version, string(server.Kind)+" redis"))
	own := attackers(s.config)
	own.shown = s.shown
	err = own.open(ctx)
	if err == nil {
		err = own.job.Last()
	}
	if err != nil {
		return err
	}
	own.quiet.Store(true)
	ended := make(chan struct{})
	var failure error
	go func() {
		defer close(ended)
		failure = depend(ctx, []mg.Fn{job})
	}()
	err = own.await(ctx, ended)
	if err == nil {
		_, err = own.attack(ctx, faults...)
	}
	<-ended
	if failure != nil {
		return failure // the error of the attack is only a consequence
	}
	return err
}

// errSealed is returned when a job can't be attacked because it is sealed.
var errSealed = fmt.Errorf("%w: it is sealed already: mage clean", chaos.ErrOver)

// attackers returns a session with connections of its own, because an attack may cut the job's
// connections.
func attackers(c Config) *session {
	s := newSession(c)
	s.name = "chaos"
	return s
}

// await waits until a supervisor works on the session's job. It returns early with an error if
// ended is closed or the job is sealed.
func (s *session) await(ctx context.Context, ended <-chan struct{}) error {
	for {
		if s.job.Folder().Supervised(s.job.ID()) {
			_, _, err := s.job.Redis(ctx)
			return err
		}
		over := false
		select {
		case <-ended:
			over = true
		default:
		}
		if over || ended == nil { // nil: another process runs the job, and can't report its end
			if _, sealed, err := s.job.Folder().Sealed(s.job.ID()); sealed || err != nil {
				return errors.Join(err, errSealed)
			}
		}
		if over {
			return fmt.Errorf("%w: the job to attack ended at once", wordcount.ErrIncomplete)
		}
		select {
		case <-ended: // the job may be sealed, so check once more
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// attacker returns the session's job as package chaos needs it.
func (s *session) attacker(ctx context.Context) (chaos.Attack, error) {
	rdb, server, err := s.job.Redis(ctx)
	if err != nil {
		return chaos.Attack{}, err
	}
	a := chaos.Attack{
		Redis: rdb, Server: server, Plan: s.job.Planned(), Folder: s.job.Folder(),
		Durability: s.job.Config().Durability, Resume: s.resume, Say: s.tell,
	}
	if !s.quiet.Load() {
		a.Show = s.shown.result
	}
	return a, nil
}

// attack injects faults into the session's job, and waits until the job is sealed.
func (s *session) attack(ctx context.Context, faults ...chaos.Fault) (recovery time.Duration, err error) {
	a, err := s.attacker(ctx)
	if err != nil {
		return 0, err
	}
	if err := a.WaitForProgress(ctx); err != nil {
		return 0, err
	}
	for _, fault := range faults {
		if recovery, err = fault.Inject(a, ctx); err != nil {
			return 0, fmt.Errorf("%s: %w", fault.Name, err)
		}
	}
	_, err = a.AwaitSeal(ctx)
	return recovery, err
}

// resume runs the session's job again, in a process of its own.
func (s *session) resume(ctx context.Context) error {
	c := s.config
	planned := s.job.Planned()
	o := planned.Options
	c.Input, c.Split, c.WholeFiles, c.Reducers, c.Direct = planned.Manifest.Root, o.Split, o.WholeFiles, o.Reducers, o.Direct
	c.Exclude, c.Skip, c.Growing = o.Exclude, o.Skip, o.Growing
	if err := s.start(ctx, c); !errors.Is(err, errSealed) { // sealed: nothing was left to resume
		return err
	}
	return nil
}

// start runs a job in a process of its own, and returns when its supervisor works.
func (s *session) start(ctx context.Context, c Config) error {
	job, err := s.launch(c)
	if err != nil {
		return err
	}
	return s.await(ctx, job.ended)
}

// launch runs a job in a process of its own. endJobs ends that process.
func (s *session) launch(c Config) (*jobProcess, error) {
	job, err := startJob(c)
	if err == nil {
		s.jobs = append(s.jobs, job)
	}
	return job, err
}

// experiment attacks the job that runs in this folder, and verifies its result. If no job runs, it
// starts one.
func experiment(ctx context.Context, fault chaos.Fault) error {
	return inFolder(ctx, func(s *session) (err error) {
		own := attackers(s.config)
		if err := own.open(ctx); err != nil {
			return err
		}
		if own.job.Last() != nil || !own.job.Folder().Supervised(own.job.ID()) {
			if s.config.Redis.URL != "" && fault.Victim == chaos.Server {
				return redisd.ErrGiven // refused before any text is written
			}
			s.note("no job is running in this folder: starting one")
			if own, err = s.scratchJob(ctx, scratchBytes); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, own.stopServer(ctx)) }()
		}
		defer own.endJobs()
		if _, err := own.attack(ctx, fault); err != nil {
			return err
		}
		r, err := own.job.Result(ctx)
		if err != nil {
			return err
		}
		own.tell("sealed: %s redone, none counted twice", plural(r.Redone, "task"))
		return own.verify(ctx, r)
	})
}

// Properties of the job that is started for an attack. Small splits and slow workers make it take
// some seconds.
const (
	scratchBytes = 64 << 20
	scratchTasks = 64
	scratchSlow  = 150 * time.Millisecond // time for each task
	scratchLease = time.Second
)

// scratchJob starts a job in another process. The job has its own state folder and server, so that
// it doesn't disturb the jobs of this folder.
func (s *session) scratchJob(ctx context.Context, bytes int64) (own *session, err error) {
	c := s.config
	c.Dir = filepath.Join(s.config.Dir, "chaos")
	c.Input = filepath.Join(s.config.Dir, fmt.Sprintf("chaos-texts-%d", bytes))
	c.Exclude, c.Skip, c.Growing = nil, plan.Skip{}, false
	c.Split, c.Checkpoint, c.Lease = bytes/scratchTasks, time.Second, scratchLease
	c.Faults = fmt.Sprintf("slow=%s:%d", scratchSlow, c.Workers)
	own = attackers(c.complete())
	if err := own.open(ctx); err != nil {
		return nil, err
	}
	bar := newProgress(os.Stderr)
	bar.total = bytes
	err = corpus.Write(ctx, c.Input, corpus.Spec{Bytes: bytes}, func(written int64) { bar.advance("generate", written) })
	bar.finish()
	if err != nil {
		return nil, err
	}
	return own, own.again(ctx)
}

// again starts the session's job anew. It deletes the old one first, because a sealed job is up to
// date and would end at once.
func (s *session) again(ctx context.Context) error {
	if err := s.clean(ctx); err != nil {
		return err
	}
	if err := s.job.Plan(ctx); err != nil {
		return err
	}
	return s.start(ctx, s.config)
}

// endJobs ends the processes that still run the session's job.
func (s *session) endJobs() {
	for _, job := range s.jobs {
		job.interrupt()
	}
	s.jobs = nil
}

// Discard removes the jobs of this configuration's folder. It deletes them from a given server, or
// kills the folder's own server and deletes its data. Then it deletes what this program has in the
// folder, and the folder if that is empty. Discard works even if ctx has ended. The error wraps
// wordcount.ErrIncomplete if a supervisor still works on one of the jobs.
func Discard(ctx context.Context, c Config) error {
	ctx = context.WithoutCancel(ctx)
	c, err := c.underVariables()
	if err != nil {
		return coded(ctx, err)
	}
	s := newSession(c.complete())
	if err := s.open(ctx); err != nil {
		return coded(ctx, err)
	}
	return coded(ctx, s.discard(ctx))
}

func (s *session) discard(ctx context.Context) error {
	s.quiet.Store(true)
	jobs, err := s.job.Folder().Jobs()
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if s.job.Folder().Supervised(job) {
			return fmt.Errorf("%w: job %s is running in %s: end it first", wordcount.ErrIncomplete, job, s.config.Dir)
		}
	}
	server, err := redisd.Open(s.config.Redis)
	switch {
	case errors.Is(err, redisd.ErrNone):
		err = nil
	case err == nil && server.Owned():
		err = server.Kill(ctx)
	case err == nil:
		err = s.clean(ctx)
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"jobs", "last", "redis"} { // the folder may hold other files
		if err := os.RemoveAll(filepath.Join(s.config.Dir, name)); err != nil {
			return err
		}
	}
	os.Remove(s.config.Dir)
	return nil
}

// stopServer stops the session's server, unless it is a given one.
func (s *session) stopServer(ctx context.Context) error {
	server, err := redisd.Open(s.config.Redis)
	if err != nil || !server.Owned() {
		return nil
	}
	return server.Stop(context.WithoutCancel(ctx))
}
