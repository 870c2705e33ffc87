package wordcount

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

func newResult(j *Job) *Result {
	return &Result{
		Sealed: *j.sealed, manifest: j.plan.Manifest,
		words: result.Result{Redis: j.conn.rdb, Job: j.plan.Job, Fence: j.sealed.Fence},
	}
}

// Last makes the job that was run last in the state folder this one's. The error wraps ErrInput if there was none.
func (j *Job) Last() (err error) {
	j.sealed = nil
	j.plan, err = j.folder.Last()
	return err
}

// Result returns the published result of the job that the input has now, which Plan finds, or of the one that Last found.
// The error wraps ErrIncomplete if it isn't sealed.
func (j *Job) Result(ctx context.Context) (*Result, error) {
	if j.plan.Job.ID == "" {
		if err := j.Plan(ctx); err != nil {
			return nil, err
		}
	}
	sealed, ok, err := j.folder.Sealed(j.plan.Job.ID) // another process may have sealed it, or sealed it anew
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

// Status returns where the job stands. The error wraps ErrState if it isn't on the server.
func (j *Job) Status(ctx context.Context) (Status, error) {
	if err := j.conn.open(ctx, false); err != nil {
		return Status{}, err
	}
	return protocol.StatusOf(ctx, j.conn.rdb, j.plan.Job)
}

// DeadLetters lists the tasks that were given up.
func (j *Job) DeadLetters(ctx context.Context) ([]protocol.DeadLetter, error) {
	return protocol.DeadLetters(ctx, j.conn.rdb, j.plan.Job)
}

// Requeue gives the tasks that were given up another life, and returns how many there were.
func (j *Job) Requeue(ctx context.Context) (int, error) {
	if err := j.conn.open(ctx, false); err != nil {
		return 0, err
	}
	return protocol.Requeue(ctx, j.conn.rdb, j.plan.Job)
}

// Unsealed yields what was committed so far of a job that isn't sealed, by descending count, and says how many maps that
// lacks. It is no result. All words must fit into memory.
func (j *Job) Unsealed(ctx context.Context) (words iter.Seq2[Entry, error], missing int, err error) {
	if err := j.conn.open(ctx, false); err != nil {
		return nil, 0, err
	}
	all, missing, err := result.Unsealed(ctx, j.conn.rdb, j.plan.Job)
	return func(yield func(Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}, missing, err
}

// Clean deletes all jobs of the state folder from Redis, and forgets them. Cleaned is told of each, with the number of its
// keys.
func (j *Job) Clean(ctx context.Context, cleaned func(job string, keys int)) error {
	j.sealed = nil
	jobs, err := j.folder.Jobs()
	if err != nil {
		return err
	}
	for _, id := range jobs {
		p, err := j.folder.Load(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // cleaned before
		}
		if err != nil {
			return err
		}
		if err := j.conn.open(ctx, false); err != nil {
			return err
		}
		keys, err := protocol.Clean(ctx, j.conn.rdb, p.Job)
		if err != nil {
			return err
		}
		if j.conn.owned() {
			if err := j.conn.server.RemoveUser(ctx, workerUser(id)); err != nil {
				return err
			}
		}
		if err := j.folder.Forget(id); err != nil {
			return err
		}
		cleaned(id, keys)
	}
	if j.conn.rdb == nil || j.config.Durability != BGSave {
		return nil
	}
	// Else the next crash would bring the jobs back.
	return supervisor.Checkpoint(ctx, j.conn.rdb)
}

// Join makes a job of another folder or host this one's, and makes sure that this host has its files: those of trust. An id
// of "" is the job that was run last in the state folder. Sealed is true if there is nothing left to do. Then Attend keeps
// the workers until others have sealed the job.
func (j *Job) Join(ctx context.Context, id, input string) (sealed bool, err error) {
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
	// What to read is for this folder to say, and not for the writer of the tasks.
	trust := plan.Trust{Roots: [][]byte{[]byte(j.config.Input)}, Except: []byte(j.config.Dir)}
	if input != "" {
		trust.Roots = [][]byte{[]byte(input)}
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
	j.plan.Job.Reducers = st.Reducers
	client := protocol.Client{Redis: j.conn.rdb, Job: j.plan.Job}
	if err := j.conn.do(ctx, func() error { return worker.CheckInputs(ctx, client, trust) }); err != nil {
		return false, err
	}
	err = j.spawn(ctx, trust, j.progress.Load, func(ctx context.Context, consumer string, died bool) (int, error) {
		return client.Release(ctx, st.Run, consumer, died)
	})
	if err != nil {
		return false, err
	}
	return false, j.attend(ctx, func(ctx context.Context) error {
		return supervisor.Follow(ctx, client, func(st Status) { j.progress.Store(int64(st.Done() + st.Buried)) })
	})
}

// Config is the configuration, with the defaults filled in.
func (j *Job) Config() Config { return j.config }

// ID is the job's name, a hash of all that gives its tasks a meaning; "" before Plan, Seed or Last.
func (j *Job) ID() string { return j.plan.Job.ID }

// Planned is the plan of the job, after Plan, Seed or Last.
func (j *Job) Planned() plan.Plan { return j.plan }

// IsSealed reports whether the job is sealed, as far as the steps of this process have seen.
func (j *Job) IsSealed() bool { return j.sealed != nil }

// Folder is the state folder.
func (j *Job) Folder() state.Folder { return j.folder }

// Living is how many workers live, and how many died and were replaced.
func (j *Job) Living() (n, restarts int) {
	if j.workers == nil {
		return 0, 0
	}
	return j.workers.Living(), j.workers.Restarts()
}

// Redis opens the connection if need be, and returns its client and the server, nil if a client was given.
func (j *Job) Redis(ctx context.Context) (redis.UniversalClient, *redisd.Server, error) {
	err := j.conn.open(ctx, false)
	return j.conn.rdb, j.conn.server, err
}

// Do does something on the server that may be done twice, and brings the server back for it if need be.
func (j *Job) Do(ctx context.Context, what func() error) error { return j.conn.do(ctx, what) }
