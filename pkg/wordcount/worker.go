package wordcount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

const (
	// DefaultLease is how long a task may go without a heartbeat before another worker takes it.
	DefaultLease = 10 * time.Second
	// Patience is how long Redis may stay away before we give up, resumably.
	Patience = 60 * time.Second

	batchMax    = 7500                    // tasks in one commit; the library's bound
	readFor     = 40 * time.Millisecond   // of work is what a worker takes at once: at the end the others wait for it
	readMax     = 1024                    // tasks taken at once
	blockFor    = 200 * time.Millisecond  // an idle worker waits so long for a new task before it looks round again
	drainFor    = 1500 * time.Millisecond // to finish the split in hand when asked to leave
	leaveWithin = 800 * time.Millisecond  // to commit it and give the rest back
)

// Worker is the loop of one worker process. It keeps nothing that matters: kill it at any moment.
//
// Immutable after construction: the exported fields. The loop's own: all others but leases, which the heartbeat reads, and life.
type Worker struct {
	Redis    redis.UniversalClient
	Job      Job
	Consumer string // unique over all hosts and lives: it must hold a nonce, for every container has a process 1
	Lease    time.Duration
	Memory   int64  // bytes that it may take; 0: DefaultWorkerMemory
	Trust    *Trust // nil: whatever Redis says, for a caller who alone can write there
	Faults   Faults

	protocol
	checker
	run     string       // the run that our tasks belong to; sent with every write
	phase   string       // as last seen
	table   *count.Table // the combiner: what was counted and not yet committed
	packed  [][]byte     // and what didn't fit into it any more, by partition; spilled is their size
	spilled int
	nonce   string              // of the attempt to commit them
	tokens  uint64              // in table
	held    []task              // counted in table
	todo    []task              // ours, not counted
	since   time.Time           // of the oldest uncommitted count
	batch   int                 // how many tasks to ask for
	chunk   int                 // words in one call that stores totals
	piece   int                 // bytes in one call that commits
	lost    bool                // a reply may be lost: look into our own pending entries
	sent    *sending            // committed, and not answered yet
	flush   bool                // send it again before anything else: the last try got no answer
	nap     pause               // between tries
	looked  time.Time           // for tasks of the dead
	seen    map[string]sighting // owners, by name
	// For backups of others' tasks: when we first saw each, by ID, and the longest that one of ours took.
	watched map[string]time.Time
	longest time.Duration

	leases leases       // shared with the heartbeat
	reads  reads        // of the file in work; shared with the heartbeat
	life   atomic.Int64 // shared with the lifeline: how long workers live, a time.Duration; 0: none has died
}

// taskID names a task within its job.
type taskID struct {
	stream string // "map" or "reduce"
	n      int    // from 1
}

// task is one entry of a stream.
type task struct {
	taskID
	split  Split  // of a map task
	digest digest // of all that was said of it
	stolen bool   // from a worker that may have died of it, and not examined yet
	alone  bool   // nothing else may be in the table with it
}

// String names a task for people.
func (t task) String() string {
	if t.stream == "reduce" {
		return fmt.Sprintf("partition %d", t.n-1)
	}
	return t.split.String()
}

// errReleased: the job is sealed, there is nothing left to do.
var errReleased = errors.New("wordcount: released")

// Run works until the job is sealed (nil), ctx ends (nil, leases given up, what was counted committed if that takes
// no longer than two seconds), or there is no going on.
func (w *Worker) Run(ctx context.Context) error {
	w.protocol = protocol{w.Redis, w.Job}
	w.table = count.New()
	w.batch = 1
	w.chunk = cmp.Or(w.chunk, putMax)
	w.piece = cmp.Or(w.piece, pieceMax)
	w.Memory = cmp.Or(w.Memory, DefaultWorkerMemory)
	if w.Trust != nil {
		var err error
		if w.checker, err = w.Trust.checker(); err != nil {
			return err
		}
		defer w.checker.close()
	}
	w.lost = true // an earlier life under this name can't be, a lost reply to our first read can

	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(drainFor, stop) })
	var beats sync.WaitGroup
	beats.Go(func() { w.heartbeat(hard) })
	defer beats.Wait()
	defer stop()
	defer w.abandon()

	w.Faults.at(BeforeRead)
	for ctx.Err() == nil {
		err := w.step(ctx, hard)
		switch {
		case err == nil:
			w.nap.reset()
		case errors.Is(err, errReleased):
			return nil
		case errors.Is(err, errNoJob):
			// Redis came back empty, or lost the job. Whoever supervises seeds it again; nothing we hold is pending.
			w.forget()
			if err := w.nap.wait(ctx); err != nil {
				return fmt.Errorf("%w: %w", ErrRedis, err)
			}
		case errors.Is(err, errForeign):
			if late := w.drain(context.WithoutCancel(ctx)); late != nil {
				return late
			}
			return err
		case passing(err):
			w.lost = true
			if cluster, ok := w.Redis.(*redis.ClusterClient); ok {
				cluster.ReloadState(ctx) // a lost connection alone does not make it look for the new master
			}
			if late := w.nap.wait(ctx); late != nil {
				return unreachable(late, err)
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
func (w *Worker) step(ctx, hard context.Context) error {
	if w.run == "" {
		return w.look(ctx)
	}
	if w.flush || w.arrived() {
		return w.land(ctx)
	}
	if w.due() {
		if err := w.land(ctx); err != nil {
			return err
		}
		w.send(ctx)
		return nil
	}
	if len(w.todo) == 0 {
		return w.fetch(ctx)
	}
	t := w.todo[0]
	if (t.alone || t.stream == "reduce") && (len(w.held) > 0 || w.sent != nil) {
		return w.commitHeld(ctx)
	}
	if t.stream == "reduce" {
		return w.reduce(ctx)
	}
	return w.mapSplit(ctx, hard, t)
}

// look reads the state of the job. A worker stays with the run that it read first: under another one the same numbers
// may mean other bytes, and a fresh process is the simplest way to forget.
func (w *Worker) look(ctx context.Context) error {
	run, phase, released, err := w.glance(ctx)
	switch {
	case err != nil:
		return err
	case w.run != "" && run != w.run:
		return errOtherRun
	case released:
		return errReleased
	}
	w.run, w.phase = run, phase
	return nil
}

// fetch looks for tasks: our own that we don't know of, now and then those of workers that seem dead, then new ones.
func (w *Worker) fetch(ctx context.Context) error {
	if w.lost {
		if n, err := w.reread(ctx); err != nil || n > 0 {
			return err
		}
	}
	// A worker that takes a dead one's place looks here first, so that its predecessor's task runs again at once.
	if time.Since(w.looked) > stealEvery {
		if n, err := w.rob(ctx); err != nil || n > 0 {
			return err
		}
	}
	fresh, err := w.next(ctx)
	if err != nil || w.take(fresh, false) > 0 {
		return err
	}
	if len(w.held) > 0 || w.sent != nil { // nothing more to combine: don't let the others wait
		return w.commitHeld(ctx)
	}
	if err := w.look(ctx); err != nil {
		return err
	}
	if w.phase != "done" {
		if n, err := w.reread(ctx); err != nil || n > 0 {
			return err
		}
		if n, err := w.rob(ctx); err != nil || n > 0 {
			return err
		}
		if n, err := w.backup(ctx); err != nil || n > 0 {
			return err
		}
	}
	// One task only: the first of the reduce tasks wakes everybody, and all should get some.
	fresh, err = w.readGroup(ctx, []string{"map", "reduce"}, ">", 1, blockFor)
	if err == nil {
		w.take(fresh, false)
	}
	return err
}

// reread takes the pending entries of ours that we don't know of: a reply was lost, or a rollback took a commit back.
func (w *Worker) reread(ctx context.Context) (int, error) {
	mine, err := w.readGroup(ctx, []string{"map", "reduce"}, "0", batchMax, -1)
	if err != nil {
		return 0, err
	}
	w.lost = false
	return w.take(mine, false), nil
}

// next asks for new tasks of the phase that we think the job is in, and doesn't wait.
func (w *Worker) next(ctx context.Context) ([]task, error) {
	switch w.phase {
	case "map":
		return w.readGroup(ctx, []string{"map"}, ">", w.batch, -1)
	case "reduce":
		return w.readGroup(ctx, []string{"reduce"}, ">", 1, -1)
	}
	return nil, nil
}

// readGroup reads up to n tasks of each stream; a negative block doesn't wait.
func (w *Worker) readGroup(ctx context.Context, streams []string, from string, n int, block time.Duration) ([]task, error) {
	var keys, ids []string
	for _, s := range streams {
		keys, ids = append(keys, w.Job.Key(s)), append(ids, from)
	}
	replies, err := w.Redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "workers", Consumer: w.Consumer, Streams: append(keys, ids...), Count: int64(n), Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, classify(err)
	}
	var tasks []task
	for _, reply := range replies {
		some, err := parseTasks(streams[slices.Index(keys, reply.Stream)], reply.Messages)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	if from == ">" && len(tasks) > 0 {
		w.Faults.at(AfterRead)
	}
	return tasks, nil
}

func parseTasks(stream string, entries []redis.XMessage) ([]task, error) {
	tasks := make([]task, 0, len(entries))
	for _, m := range entries {
		t, err := parseTask(stream, m)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// parseTask reads an entry as the library wrote it.
func parseTask(stream string, m redis.XMessage) (t task, err error) {
	t.stream = stream
	number, ours := strings.CutSuffix(m.ID, "-0")
	if t.n, err = strconv.Atoi(number); err != nil || !ours {
		return t, fmt.Errorf("%w: entry %q of stream %s is not ours", ErrState, m.ID, stream)
	}
	if stream == "reduce" {
		return t, nil
	}
	if m.Values == nil {
		return t, spoilt("task %d was deleted", t.n)
	}
	paths, _ := m.Values["path"].(string)
	numbers, _ := m.Values["split"].(string)
	if t.split, err = parseEntry(paths, numbers); err != nil {
		return t, fmt.Errorf("%w: entry %q of stream %s names no split: %w", ErrState, m.ID, stream, err)
	}
	t.digest = digestOf(paths, numbers)
	return t, nil
}

// take adds tasks that we don't hold already: reading our pending entries again, a rollback, or a theft from ourselves
// may hand us the same one twice.
func (w *Worker) take(tasks []task, stolen bool) int {
	n := 0
	for _, t := range tasks {
		if w.leases.add(w.run, t.taskID) {
			t.stolen = stolen
			w.todo = append(w.todo, t)
			n++
		}
	}
	return n
}

// forget drops everything of the job.
func (w *Worker) forget() {
	w.abandon()
	w.empty()
	w.leases.clear()
	w.run, w.todo, w.lost = "", nil, true
}

// drain ends the worker in good order: what is counted is committed, what isn't goes back at once.
func (w *Worker) drain(ctx context.Context) error {
	if w.run == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	err := w.commitHeld(ctx)
	_, release := w.giveUp(ctx, w.run, w.Consumer, false)
	if err := errors.Join(err, release); err != nil && !passing(err) {
		return fmt.Errorf("leave: %w", err)
	}
	return nil // Redis may well be gone by now: then the leases run out by themselves
}
