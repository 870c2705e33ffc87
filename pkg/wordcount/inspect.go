package wordcount

import (
	"context"
	"fmt"
	"iter"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/relay"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

func newResult(j *Job) *Result {
	return &Result{
		Sealed: *j.sealed, plan: j.plan,
		words: result.Result{Redis: j.conn.rdb, Job: j.plan.Job, Fence: j.sealed.Fence, Run: j.sealed.Run, Store: j.store},
	}
}

// Last makes this job the one that was run last in the state folder. The error wraps ErrInput if no
// job was run there.
func (j *Job) Last() (err error) {
	j.sealed = nil
	j.plan, err = j.folder.Last()
	return err
}

// Result returns the published result of the job that Last or Plan found. If neither was called, it
// calls Plan. The error wraps ErrIncomplete if the job isn't sealed.
func (j *Job) Result(ctx context.Context) (*Result, error) {
	if j.plan.Job.ID == "" {
		if err := j.Plan(ctx); err != nil {
			return nil, err
		}
	}
	// Another process may have sealed the job, for the first time or again.
	sealed, ok, err := j.folder.Sealed(j.plan.Job.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: job %s is not sealed", ErrIncomplete, j.plan.Job.ID)
	}
	j.sealed = &sealed
	if err := j.conn.open(ctx, false); err != nil {
		return nil, err
	}
	return newResult(j), nil
}

// Status returns how far the job is. The error wraps ErrState if the job isn't on the server.
func (j *Job) Status(ctx context.Context) (Status, error) {
	if err := j.conn.open(ctx, false); err != nil {
		return Status{}, err
	}
	return protocol.StatusOf(ctx, j.conn.rdb, j.plan.Job)
}

// DeadLetters lists the tasks that were buried. The connection must be open.
func (j *Job) DeadLetters(ctx context.Context) ([]protocol.DeadLetter, error) {
	return protocol.DeadLetters(ctx, j.conn.rdb, j.plan.Job)
}

// Requeue makes the tasks that were buried ready to run again, and returns how many there were.
func (j *Job) Requeue(ctx context.Context) (int, error) {
	if err := j.conn.open(ctx, false); err != nil {
		return 0, err
	}
	return protocol.Requeue(ctx, j.conn.rdb, j.plan.Job)
}

// Unsealed yields the words that were committed so far of a job that isn't sealed, by descending
// count. They are no result: missing is the number of map tasks that they lack. All words must fit
// into memory.
func (j *Job) Unsealed(ctx context.Context) (words iter.Seq2[Entry, error], missing int, err error) {
	if err := j.conn.open(ctx, false); err != nil {
		return nil, 0, err
	}
	all, missing, err := result.Unsealed(ctx, j.conn.rdb, j.plan.Job, j.store)
	return func(yield func(Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}, missing, err
}

// store opens the store of a run of this job.
func (j *Job) store(ctx context.Context, run string) (*shuffle.Store, error) {
	store, known, err := j.folder.Store(j.plan.Job.ID, run)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("%w: this folder doesn't know where the files of job %s are", ErrState, j.plan.Job.ID)
	}
	return shuffle.Open(ctx, store.Dir)
}

// Join makes this job one that another folder or host has planned. It checks that this host has the
// job's files. If id is "", Join takes the job that was run last in the state folder. inputs are what
// the workers may read; if there are none, they may read the files that this folder planned, or
// Config.Inputs if it planned none. sealed is true if there was nothing left to do. Otherwise Join
// starts workers, and returns when another supervisor has sealed the job.
func (j *Job) Join(ctx context.Context, id string, inputs []string) (sealed bool, err error) {
	planned := true
	if id == "" {
		err = j.Last()
	} else if err = protocol.CheckID(id); err == nil {
		var unknown error
		j.plan, unknown = j.folder.Load(id)
		j.plan.Job.ID, planned = id, unknown == nil
	}
	if err != nil {
		return false, err
	}
	// This folder decides what workers may read, and not the writer of the tasks.
	trust := plan.TrustIn(j.config.Inputs, j.config.Dir)
	if len(inputs) > 0 {
		trust = plan.TrustIn(inputs, j.config.Dir)
	} else if planned {
		if trust, err = j.folder.Trust(j.plan.Job.ID, j.plan.Splits()); err != nil {
			return false, err
		}
	}
	trust.Joined = true
	st, err := j.Status(ctx)
	if err != nil || st.Dismissed {
		return st.Dismissed, err
	}
	if planned && st.Counting != j.plan.Job.Counting {
		return false, protocol.Damaged("it counts %q, and was planned to count %q", st.Counting, j.plan.Job.Counting)
	}
	j.plan.Job.Reducers, j.plan.Job.Keep, j.plan.Job.Counting = st.Reducers, st.Keep, st.Counting
	counting, err := plan.ParseCounting(st.Counting)
	if err == nil {
		err = counting.Check()
	}
	if err != nil {
		return false, err
	}
	if err := j.use(ctx); err != nil {
		return false, err
	}
	defer j.unuse()
	if !planned { // then nothing is known here but what an earlier join has written
		if err := j.folder.BeginEvents(j.plan.Job.ID); err != nil {
			return false, err
		}
	}
	j.beginAgain()
	j.journal.Close()
	j.journal = event.Open(j.folder.Events(j.plan.Job.ID), event.WorkerMost)
	client := j.client()
	j.sender = relay.NewSender(client, worker.NewName(), j.journal)
	j.loop.Go(func() { j.sender.Run(j.background) })
	if err := j.conn.do(ctx, func() error { return claim.CheckInputs(ctx, client, trust) }); err != nil {
		return false, err
	}
	store := ""
	if st.Reducers > 0 {
		here, err := j.config.store()
		if err == nil {
			store, err = place.Find(ctx, here, st.Store, j.plan.Job.ID, st.Run, shuffle.Run.CheckMark)
		}
		if err != nil {
			return false, err
		}
	}
	err = j.spawn(ctx, trust, store, j.progress.Load, func(ctx context.Context, consumer string, died bool) (int, error) {
		return client.Release(ctx, st.Run, consumer, died)
	}, nil)
	if err != nil {
		return false, err
	}
	return false, j.attend(ctx, func(ctx context.Context) error {
		return supervisor.Follow(ctx, client, func(st Status) { j.progress.Store(int64(st.Done() + st.Buried)) })
	})
}

// Config returns the configuration, with the defaults filled in.
func (j *Job) Config() Config { return j.config }

// ID returns the job's name, a hash of everything that gives its tasks a meaning; "" before Plan,
// Seed or Last.
func (j *Job) ID() string { return j.plan.Job.ID }

// Planned returns the plan of the job, after Plan, Seed or Last.
func (j *Job) Planned() plan.Plan { return j.plan }

// IsSealed reports whether the job is sealed, as far as the steps of this process have seen.
func (j *Job) IsSealed() bool { return j.sealed != nil }

// Folder returns the state folder.
func (j *Job) Folder() state.Folder { return j.folder }

// Living returns how many workers live, and how many died and were replaced.
func (j *Job) Living() (n, restarts int) {
	if j.workers == nil {
		return 0, 0
	}
	return j.workers.Living(), j.workers.Restarts()
}

// Redis opens the connection if necessary. It returns the client and the server; the server is nil
// if a client was given.
func (j *Job) Redis(ctx context.Context) (redis.UniversalClient, *redisd.Server, error) {
	err := j.conn.open(ctx, false)
	return j.conn.rdb, j.conn.server, err
}

// Do runs an operation that is safe to repeat. After a failure of the server it restores the
// server, and runs the operation again.
func (j *Job) Do(ctx context.Context, what func() error) error { return j.conn.do(ctx, what) }
