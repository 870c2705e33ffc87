package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/combine"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/merge"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/relay"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/redis/go-redis/v9"
)

const (
	drainFor    = 1500 * time.Millisecond // to finish the split in hand after ctx ends
	leaveWithin = 800 * time.Millisecond  // to commit it and give the other tasks back
)

// Worker is the loop of one worker. It keeps nothing that matters, so it may be killed at any
// moment.
//
// Immutable after New: spec, client, checker, heartbeat, journal and sender. Everything else but shared
// belongs to the loop.
type Worker struct {
	spec      Spec
	client    protocol.Client
	checker   claim.Checker
	heartbeat claim.Heartbeat
	journal   journal
	sender    *relay.Sender // nil: its events are in the supervisor's journal already

	run     string        // the run that the held tasks belong to; every write sends it
	maps    int           // map tasks of the job
	backoff retry.Backoff // between tries while Redis can't be reached
	claims  *claim.Claimer
	todo    []claim.Task // held by this worker, and not counted yet

	input     input.Reader // of the file that is being counted
	combiner  *combine.Combiner
	committer committer
	reducer
	attached

	shared shared
}

// shared is what other goroutines use, too: the heartbeat and, of life, the lifeline.
type shared struct {
	leases claim.Leases
	reads  claim.Reads  // of the file that is being counted
	waits  atomic.Value // string: why the store can't be used; "": it can
	life   atomic.Int64 // mean lifetime of workers, a time.Duration; 0: no worker has died
}

// New makes a worker. The files that it opens are closed when Run returns.
func New(rdb redis.UniversalClient, spec Spec) (*Worker, error) {
	spec.Memory = cmp.Or(spec.Memory, DefaultWorkerMemory)
	checker, err := claim.NewChecker(spec.Trust)
	if err != nil {
		return nil, err
	}
	client := protocol.Client{Redis: rdb, Job: spec.Job, Budget: spec.Budget}
	callWords := cmp.Or(spec.StoreWords, storeWords)
	if share := int(spec.Budget.Share()); share > 0 {
		callWords = max(1, min(callWords, share/wordBytes))
	}
	host, _ := os.Hostname()
	written := event.Open(spec.Journal, event.WorkerMost, "worker", spec.Consumer)
	w := &Worker{
		spec: spec, client: client, checker: checker, journal: journal{written},
		committer: committer{client: client, faults: spec.Faults, host: host, journal: written},
		reducer: reducer{
			merger:     merge.New(client, spec.Memory, spec.Store),
			publisher:  publisher{client: client, faults: spec.Faults},
			storeWords: callWords,
		},
	}
	if spec.Trust.Joined {
		w.sender = relay.NewSender(client, spec.Consumer, written)
	}
	me := claim.Consumer{Client: client, Name: spec.Consumer, Lease: spec.Lease}
	counting, err := plan.ParseCounting(spec.Job.Counting)
	if err == nil {
		w.combiner, err = combine.New(spec.Job.Reducers, spec.Memory, spec.Store, counting)
	}
	if err != nil {
		checker.Close()
		return nil, err
	}
	w.claims = claim.New(me, &w.shared.leases, func() { spec.Faults.at(AfterRead) })
	w.heartbeat = claim.Heartbeat{Consumer: me, Leases: &w.shared.leases, Reads: &w.shared.reads, Waits: &w.shared.waits}
	w.shared.life.Store(int64(spec.Life))
	return w, nil
}

// errDismissed reports that the job is sealed, so there is nothing left to do.
var errDismissed = errors.New("worker: dismissed")

// Run works until the job is sealed or ctx ends, and then returns nil, or until it meets an error
// that it can't recover from. When ctx ends, the worker commits what it has counted if that takes
// no longer than two seconds, and gives its leases back.
func (w *Worker) Run(ctx context.Context) error {
	defer w.close()
	kill, stop := context.WithCancel(context.WithoutCancel(ctx)) // ends drainFor later than ctx
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(drainFor, stop) })
	var stopStoring context.CancelFunc
	w.storing, stopStoring = context.WithCancel(context.WithoutCancel(ctx)) // ends when the worker must have left
	defer stopStoring()
	context.AfterFunc(ctx, func() { time.AfterFunc(drainFor+leaveWithin, stopStoring) })
	var beats sync.WaitGroup
	beats.Go(func() { w.heartbeat.Run(kill) })
	beats.Go(func() { w.sender.Run(kill) })
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
			// Redis came back empty, or lost the job. The supervisor seeds it again, and no task
			// that this worker holds is pending.
			w.forget()
			if err := w.backoff.Wait(ctx); err != nil {
				return fmt.Errorf("%w: %w", protocol.ErrRedis, err)
			}
		case errors.Is(err, plan.ErrForeign):
			if late := w.drain(context.WithoutCancel(ctx)); late != nil {
				return late
			}
			return err
		case errors.Is(err, shuffle.ErrHost):
			// Perhaps the supervisor restores the mark, or somebody mounts the store again. Then the
			// store must be opened again, because an open one stays where it was. Nothing is known to
			// be lost.
			w.shared.waits.Store(err.Error())
			w.recount()
			w.closeStore()
			if w.absence.Wait(ctx) != nil {
				w.client.Release(ctx, w.run, w.spec.Consumer, false)
				return err
			}
		case protocol.Transient(err):
			w.lostConnection(ctx)
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

// lostConnection is called before something is tried again because Redis didn't answer.
func (w *Worker) lostConnection(ctx context.Context) {
	w.claims.Lost = true
	if cluster, ok := w.client.Redis.(*redis.ClusterClient); ok {
		// A lost connection alone doesn't make the client look for the new master.
		cluster.ReloadState(ctx)
	}
}

// insist makes a call until Redis answers it. It is for calls that may come twice, and that have much
// work behind them.
func (w *Worker) insist(ctx context.Context, call func() error) error {
	var backoff retry.Backoff
	for {
		err := call()
		if !protocol.Transient(err) || ctx.Err() != nil {
			return err
		}
		w.lostConnection(ctx)
		if late := backoff.Wait(ctx); late != nil {
			return retry.Unreachable(late, err)
		}
	}
}

// step does one thing: a commit that is due, a task, or the search for a task.
func (w *Worker) step(ctx, kill context.Context) error {
	if w.run == "" {
		return w.readJob(ctx)
	}
	if w.committer.answered() {
		return w.awaitCommit(ctx)
	}
	if w.combiner.Due(w.lifetime(), w.maps) {
		if err := w.awaitCommit(ctx); err != nil {
			return err
		}
		return w.send(ctx)
	}
	if len(w.todo) == 0 {
		return w.fetch(ctx)
	}
	t := w.todo[0]
	if err := w.openStore(); err != nil {
		return err
	}
	if (t.Alone || t.Stream == protocol.Reduces) && w.uncommitted() {
		return w.commitHeld(ctx)
	}
	if t.Stream == protocol.Reduces {
		return w.reduce(ctx)
	}
	return w.mapSplit(ctx, kill, t)
}

// readJob reads the state of the job. A worker stays with the run that it read first. In another
// run the same task number may mean other bytes, and a new process is the simplest way to forget
// the old ones.
func (w *Worker) readJob(ctx context.Context) error {
	now, err := w.client.ReadPhase(ctx)
	switch {
	case err != nil:
		return err
	case w.run != "" && now.Run != w.run:
		return protocol.ErrOtherRun
	case now.Dismissed:
		return errDismissed
	}
	w.run, w.maps = now.Run, now.Maps
	w.claims.Run, w.claims.Phase, w.claims.Maps = now.Run, now.Phase, now.Maps
	return nil
}

// openStore opens the store of the map outputs, before the first task. A worker that finds no task
// doesn't need it, and when a job is done, it may be gone.
func (w *Worker) openStore() error {
	if w.spec.Job.Reducers == 0 || w.store != nil {
		return nil
	}
	if err := w.attached.open(w.spec.Store, w.spec.Job.ID, w.run); err != nil {
		return err
	}
	w.combiner.SpillTo(w.outputs)
	return nil
}

func (w *Worker) closeStore() {
	w.merger.Forget()
	w.attached.close()
}

// storeWorks is called when the store could be used.
func (w *Worker) storeWorks() {
	w.absence.Reset()
	w.shared.waits.Store("")
}

// fetch looks for tasks, and commits what is counted if none comes next.
func (w *Worker) fetch(ctx context.Context) error {
	if found, err := w.list(w.claims.Next(ctx, w.reduceShare())); found || err != nil {
		return err
	}
	if w.uncommitted() { // there is nothing more to combine, and the others wait for this commit
		return w.commitHeld(ctx)
	}
	w.sender.Hurry()
	if err := w.readJob(ctx); err != nil {
		return err
	}
	_, err := w.list(w.claims.Wait(ctx, w.reduceShare()))
	return err
}

// list puts tasks that were claimed on the list, and reports whether there are any.
func (w *Worker) list(tasks []claim.Task, err error) (found bool, _ error) {
	w.todo = append(w.todo, tasks...)
	w.journal.stolen(tasks)
	return len(tasks) > 0, err
}

// uncommitted reports whether the worker has counted something that isn't known to be committed.
func (w *Worker) uncommitted() bool { return len(w.combiner.Held()) > 0 || w.committer.sent != nil }

// commitHeld commits what the combiner holds, after what was sent before, and waits for the answers.
func (w *Worker) commitHeld(ctx context.Context) error {
	if err := w.awaitCommit(ctx); err != nil || len(w.combiner.Held()) == 0 {
		return err
	}
	if err := w.send(ctx); err != nil {
		return err
	}
	return w.awaitCommit(ctx)
}

// send sends what the combiner holds. That must be something, and no other commit may be under way.
// The combiner is empty afterwards. If there is an error, its tasks are on the list again.
func (w *Worker) send(ctx context.Context) error {
	if err := w.committer.send(ctx, w.run, w.combiner); err != nil {
		w.recount()
		return err
	}
	w.storeWorks()
	w.combiner.Empty()
	return nil
}

// awaitCommit waits for the answer to the commit that was sent, if there is one.
func (w *Worker) awaitCommit(ctx context.Context) error {
	s, err := w.committer.await(ctx)
	if s == nil || err != nil {
		return err
	}
	w.journal.answer(protocol.Maps, s.commit.Tasks, s.standings, slog.String("output", s.commit.Output))
	// A refused commit has tasks that are settled already: by other workers, or by this one, if the
	// reply was lost. What was packed together can't be separated, so the tasks that are still
	// pending are counted again. They are counted together, because each commit is one more map
	// output to read, but each task alone from the second refusal in a row on, so that others can't
	// spoil it for long. Tasks that a rollback took back will be delivered again, to any worker.
	for i, t := range s.held {
		switch {
		case s.standings == nil:
			w.shared.leases.Done(t.TaskID, t.Split.Bytes())
		case s.standings[i] == protocol.Pending:
			t.Alone = t.Alone || w.committer.refused > 1
			w.todo = append(w.todo, t)
		default:
			w.shared.leases.Drop(t.TaskID)
		}
	}
	if s.standings != nil && w.store != nil && !slices.Contains(s.standings, protocol.Settled) {
		// The output is in no state of the job. If a task is settled, it may be by this commit, whose
		// answer was lost.
		w.outputs.Remove(s.commit.Output)
	}
	return nil
}

// forget drops everything about the job.
func (w *Worker) forget() {
	w.committer.abandon()
	w.combiner.Empty()
	w.closeStore()
	w.shared.leases.Clear()
	w.run, w.todo, w.claims.Lost = "", nil, true
}

// drain ends the worker in good order. It commits what is counted, and gives the other tasks back
// at once.
func (w *Worker) drain(ctx context.Context) error {
	if w.run == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	err := w.commitHeld(ctx)
	if errors.Is(err, shuffle.ErrHost) { // what was counted is lost, and nothing else
		err = nil
	}
	_, released := w.client.Release(ctx, w.run, w.spec.Consumer, false)
	w.journal.Write(event.Leave)
	if err := errors.Join(err, released); err != nil && !protocol.Transient(err) {
		return fmt.Errorf("leave: %w", err)
	}
	return nil // if Redis is gone by now, the leases run out by themselves
}

// close closes what New opened.
func (w *Worker) close() {
	w.combiner.Empty()
	w.closeStore()
	w.checker.Close()
	w.journal.Close()
}

// lifetime is the mean lifetime of workers; 0 if no worker has died.
func (w *Worker) lifetime() time.Duration { return time.Duration(w.shared.life.Load()) }
