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

// Attack injects faults, one after the other, into the job of this configuration, which somebody else runs or is about
// to. It returns when the job has outlived them. If the job is sealed already, or ends before, the error is chaos.ErrOver;
// as long as nobody runs it, Attack waits. Attacked runs a job and attacks it.
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

// Attacked is Job with these faults injected, one after the other, while it runs. Of what the job says it shows the result
// alone, and one line for each fault. If the job is over before one of them could hit it, the error is chaos.ErrOver.
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

// underAttack runs the session's job, and attacks it meanwhile.
func (s *session) underAttack(ctx context.Context, job mg.Fn, faults []chaos.Fault) error {
	for _, fault := range faults {
		if s.config.Redis.URL != "" && fault.Victim == chaos.Server {
			return redisd.ErrGiven // before anything is counted for it
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
		return failure // and the attack's is but the consequence
	}
	return err
}

// errSealed: there is nothing to attack.
var errSealed = fmt.Errorf("%w: it is sealed already: mage clean", chaos.ErrOver)

// attackers is a session whose connections are other ones than the job's, because those may be cut.
func attackers(c Config) *session {
	s := newSession(c)
	s.name = "chaos"
	return s
}

// await waits until a supervisor works on the session's job. It ends early if ended does, or if the job is sealed.
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
		if over || ended == nil { // nil: somebody runs it whose end we don't hear of
			if _, sealed, err := s.job.Folder().Sealed(s.job.ID()); sealed || err != nil {
				return errors.Join(err, errSealed)
			}
		}
		if over {
			return fmt.Errorf("%w: the job to attack ended at once", wordcount.ErrIncomplete)
		}
		select {
		case <-ended: // then it may be sealed: look once more
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// attacker is the session's job as chaos sees it.
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

// attack injects faults into the session's job, and waits for its result.
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
	if err := s.start(ctx, c); !errors.Is(err, errSealed) { // else there was nothing left to resume
		return err
	}
	return nil
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
		own := attackers(s.config)
		if err := own.open(ctx); err != nil {
			return err
		}
		if own.job.Last() != nil || !own.job.Folder().Supervised(own.job.ID()) {
			if s.config.Redis.URL != "" && fault.Victim == chaos.Server {
				return redisd.ErrGiven // before any text is written for it
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

// The job that is started for an attack: small splits and slow workers stretch it to some seconds.
const (
	scratchBytes = 64 << 20
	scratchTasks = 64
	scratchSlow  = 150 * time.Millisecond // over each task
	scratchLease = time.Second
)

// scratchJob starts a job of its own in another process, with a state folder and a server of its own, so that the jobs
// of this folder are left in peace.
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

// again starts the session's job from nothing: the same job as the last time would be up to date, and over at once.
func (s *session) again(ctx context.Context) error {
	if err := s.clean(ctx); err != nil {
		return err
	}
	if err := s.job.Plan(ctx); err != nil {
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

// Discard ends what is left of the jobs of this configuration's folder: it takes them off a given server, or kills the
// folder's own with all its data, and deletes the folder. It does so also when ctx has ended. The error is
// wordcount.ErrIncomplete if somebody still works on one of them.
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
	for _, name := range []string{"jobs", "last", "redis"} { // there may be more in it, which isn't ours
		if err := os.RemoveAll(filepath.Join(s.config.Dir, name)); err != nil {
			return err
		}
	}
	os.Remove(s.config.Dir)
	return nil
}

// stopServer stops the session's server, if it is the folder's own.
func (s *session) stopServer(ctx context.Context) error {
	server, err := redisd.Open(s.config.Redis)
	if err != nil || !server.Owned() {
		return nil
	}
	return server.Stop(context.WithoutCancel(ctx))
}
