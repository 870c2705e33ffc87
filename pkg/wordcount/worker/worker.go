package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

const (
	drainFor    = 1500 * time.Millisecond // to finish the split in hand when asked to leave
	leaveWithin = 800 * time.Millisecond  // to commit it and give the rest back
)

// Worker is the loop of one worker. It keeps nothing that matters: kill it at any moment.
//
// Immutable after New: spec, client, checker, storeWords. The heartbeat shares leases and reads, the lifeline
// shares life. All else is the loop's own.
type Worker struct {
	spec       Spec
	client     protocol.Client
	checker    checker
	storeWords int // words in one call that stores totals

	run       string // the run that our tasks belong to; every write sends it
	claims    claimer
	combiner  combiner
	committer committer
	backoff   retry.Backoff // between tries while Redis is out of reach

	leases *leases
	reads  reads        // of the file in work
	life   atomic.Int64 // how long workers live, a time.Duration; 0: none has died
}

// New makes a worker. It closes what it opened when Run returns.
func New(rdb redis.UniversalClient, spec Spec) (*Worker, error) {
	spec.Memory = cmp.Or(spec.Memory, DefaultWorkerMemory)
	checker, err := newChecker(spec.Trust)
	if err != nil {
		return nil, err
	}
	client, leases := protocol.Client{Redis: rdb, Job: spec.Job}, &leases{}
	w := &Worker{
		spec: spec, client: client, checker: checker, leases: leases,
		storeWords: cmp.Or(spec.StoreWords, storeWords),
		claims:     newClaimer(client, spec, leases),
		combiner:   newCombiner(spec.Job.Reducers, spec.Memory),
		committer:  committer{client: client, faults: spec.Faults, callBytes: cmp.Or(spec.CommitBytes, commitBytes)},
	}
	w.life.Store(int64(spec.Life))
	return w, nil
}

// errDismissed reports that the job is sealed, so that there is nothing left to do.
var errDismissed = errors.New("worker: dismissed")

// Run works until the job is sealed or ctx ends (nil), or until there is no going on. When ctx ends, the worker commits
// what it has counted if that takes no longer than two seconds, and gives its leases back.
func (w *Worker) Run(ctx context.Context) error {
	defer w.checker.close()
	kill, stop := context.WithCancel(context.WithoutCancel(ctx)) // ends drainFor later than ctx
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(drainFor, stop) })
	var beats sync.WaitGroup
	beats.Go(func() {
		heartbeat{w.client, w.spec.Consumer, w.spec.Lease, w.leases, &w.reads}.run(kill)
	})
	defer beats.Wait()
	defer stop()
	defer w.committer.abandon()

	w.spec.Faults.at(BeforeRead)
	for ctx.Err() == nil {
		err := w.step(ctx, kill)
		switch {
		case err == nil:
			w.backoff.Reset()
		case errors.Is(err, errDismissed):
			return nil
		case errors.Is(err, protocol.ErrNoJob):
			// Redis came back empty, or lost the job. The supervisor seeds it again; nothing we hold is pending.
			w.forget()
			if err := w.backoff.Wait(ctx); err != nil {
				return fmt.Errorf("%w: %w", protocol.ErrRedis, err)
			}
		case errors.Is(err, plan.ErrForeign):
			if late := w.drain(context.WithoutCancel(ctx)); late != nil {
				return late
			}
			return err
		case protocol.Transient(err):
			w.claims.lost = true
			if cluster, ok := w.client.Redis.(*redis.ClusterClient); ok {
				cluster.ReloadState(ctx) // a lost connection alone does not make it look for the new master
			}
			if late := w.backoff.Wait(ctx); late != nil {
				return retry.Unreachable(late, err)
			}
		default:
			if ctx.Err() != nil {
				break
			}
			return err
		}
	}
	return w.drain(context.WithoutCancel(ctx))
}

// step does one thing: a commit that is due, a task, or the search for one.
func (w *Worker) step(ctx, kill context.Context) error {
	if w.run == "" {
		return w.readJob(ctx)
	}
	if w.committer.answered() {
		return w.awaitCommit(ctx)
	}
	if w.combiner.due(w.lifetime()) {
		if err := w.awaitCommit(ctx); err != nil {
			return err
		}
		w.send(ctx)
		return nil
	}
	if len(w.claims.todo) == 0 {
		return w.fetch(ctx)
	}
	t := w.claims.todo[0]
	if (t.alone || t.Stream == protocol.Reduces) && w.uncommitted() {
		return w.commitHeld(ctx)
	}
	if t.Stream == protocol.Reduces {
		return w.reduce(ctx)
	}
	return w.mapSplit(ctx, kill, t)
}

// readJob reads the state of the job. A worker stays with the run that it read first: under another one the same
// numbers may mean other bytes, and a fresh process is the simplest way to forget.
func (w *Worker) readJob(ctx context.Context) error {
	run, phase, released, err := w.client.ReadPhase(ctx)
	switch {
	case err != nil:
		return err
	case w.run != "" && run != w.run:
		return protocol.ErrOtherRun
	case released:
		return errDismissed
	}
	w.run, w.claims.run, w.claims.phase = run, run, phase
	return nil
}

// fetch looks for tasks: our own that we don't know of, now and then those of workers that seem dead, then new ones.
func (w *Worker) fetch(ctx context.Context) error {
	if w.claims.lost {
		if n, err := w.claims.reread(ctx); err != nil || n > 0 {
			return err
		}
	}
	// A worker that takes a dead one's place looks here first, so that its predecessor's task runs again at once.
	if time.Since(w.claims.lastSteal) > stealEvery {
		if n, err := w.claims.steal(ctx, w.stealAtOnce()); err != nil || n > 0 {
			return err
		}
	}
	if n, err := w.claims.next(ctx); err != nil || n > 0 {
		return err
	}
	if w.uncommitted() { // nothing more to combine: don't let the others wait
		return w.commitHeld(ctx)
	}
	if err := w.readJob(ctx); err != nil {
		return err
	}
	if w.claims.phase != protocol.Done {
		if n, err := w.claims.reread(ctx); err != nil || n > 0 {
			return err
		}
		if n, err := w.claims.steal(ctx, w.stealAtOnce()); err != nil || n > 0 {
			return err
		}
		if n, err := w.claims.backup(ctx); err != nil || n > 0 {
			return err
		}
	}
	return w.claims.wait(ctx)
}

// uncommitted reports whether something that we counted isn't known to be committed.
func (w *Worker) uncommitted() bool { return len(w.combiner.held) > 0 || w.committer.sent != nil }

// commitHeld commits what the table holds, and what was sent before it, and waits for the answers.
func (w *Worker) commitHeld(ctx context.Context) error {
	if err := w.awaitCommit(ctx); err != nil || len(w.combiner.held) == 0 {
		return err
	}
	w.send(ctx)
	return w.awaitCommit(ctx)
}

// send sends what the table holds; there must be something, and nothing else under way. The table is empty afterwards.
func (w *Worker) send(ctx context.Context) {
	w.committer.send(ctx, w.run, &w.combiner)
	w.combiner.empty()
}

// awaitCommit waits for the answer to what was sent, if anything was.
func (w *Worker) awaitCommit(ctx context.Context) error {
	s, err := w.committer.await(ctx)
	if s == nil || err != nil {
		return err
	}
	// If it was refused, others settled some of the tasks, or we did and the reply was lost. What was packed together
	// can't be taken apart again, so what is still ours is counted anew, each task alone. What a rollback took back
	// will be delivered again, to someone.
	for i, t := range s.held {
		switch {
		case s.standings == nil:
			w.leases.done(t.TaskID, t.split.Bytes())
		case s.standings[i] == protocol.Pending:
			t.alone = true
			w.claims.todo = append(w.claims.todo, t)
		default:
			w.leases.drop(t.TaskID)
		}
	}
	return nil
}

// forget drops everything of the job.
func (w *Worker) forget() {
	w.committer.abandon()
	w.combiner.empty()
	w.leases.clear()
	w.run, w.claims.todo, w.claims.lost = "", nil, true
}

// drain ends the worker in good order: what is counted is committed, what isn't goes back at once.
func (w *Worker) drain(ctx context.Context) error {
	if w.run == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	err := w.commitHeld(ctx)
	_, released := w.client.Release(ctx, w.run, w.spec.Consumer, false)
	if err := errors.Join(err, released); err != nil && !protocol.Transient(err) {
		return fmt.Errorf("leave: %w", err)
	}
	return nil // Redis may well be gone by now: then the leases run out by themselves
}

// lifetime is how long workers live, in the mean; 0 if none has died.
func (w *Worker) lifetime() time.Duration { return time.Duration(w.life.Load()) }
