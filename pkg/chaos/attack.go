package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
)

// lookEvery is the time between two reads of the status. It is short because recovery takes
// milliseconds.
const lookEvery = 2 * time.Millisecond

// Attack is one job under attack.
type Attack struct {
	Redis  redis.UniversalClient
	Server *redisd.Server // the server of Redis; only one fault at a time may use it
	Plan   plan.Plan
	Folder state.Folder
	Disk   *Disk // of the map outputs; nil: others use that disk, too
	// Durability is the durability with which the job was started.
	Durability checkpoint.Durability
	// Hasty lets RestartRedis, RollbackRedis and CorruptCheckpoint hit as soon as a task is
	// pending. Without it they wait until a checkpoint holds some work and memory holds more, so
	// that people can see a loss.
	Hasty bool
	// Resume starts a supervisor for the job again, and returns when the supervisor works.
	Resume func(context.Context) error
	// Say prints one line for each fault: what was hit, and how the job went on.
	Say func(format string, args ...any)
	// Show prints lines with the job's keys, before and after Redis was killed. It may be nil.
	Show func(line string)

	resuming *atomic.Bool // a fault has killed the supervisor and will resume the job; may be nil
}

// ErrOver is returned when nothing is left to attack.
var ErrOver = fmt.Errorf("%w: the job ended before the fault could hit it: give it more to do", protocol.ErrIncomplete)

// ErrNoDisk is returned where the map outputs lie on a disk that others use, too.
var ErrNoDisk = fmt.Errorf("%w: fillShuffle fills only a small disk of its own", protocol.ErrInput)

var errInS3 = fmt.Errorf("%w: only map outputs in a folder can be harmed, and this job has its own in S3", protocol.ErrInput)

var errNoOutputs = fmt.Errorf("%w: a job without reducers has no map outputs", protocol.ErrInput)

// status reads the job's status. It tries again while Redis doesn't answer and a supervisor lives.
func (a Attack) status(ctx context.Context) (protocol.Status, error) {
	for {
		st, err := protocol.StatusOf(ctx, a.Redis, a.Plan.Job)
		if err == nil {
			return st, nil
		}
		if ctx.Err() != nil {
			return st, context.Cause(ctx)
		}
		if !a.alive() {
			return st, errors.Join(ErrOver, err)
		}
		if err := pause(ctx); err != nil {
			return st, err
		}
	}
}

// alive reports whether a supervisor of this folder works on the job, or will soon do so.
func (a Attack) alive() bool {
	return a.resuming != nil && a.resuming.Load() || a.Folder.Supervised(a.Plan.Job.ID)
}

// until reads the job's status until wanted returns true for it.
func (a Attack) until(ctx context.Context, wanted func(protocol.Status) bool) (protocol.Status, error) {
	for {
		st, err := a.status(ctx)
		if err != nil || wanted(st) {
			return st, err
		}
		if st.Dismissed || !a.alive() {
			return st, ErrOver
		}
		if err := pause(ctx); err != nil {
			return st, err
		}
	}
}

// WaitForProgress waits until a quarter of the maps are committed, because only then does a fault
// have work to destroy.
func (a Attack) WaitForProgress(ctx context.Context) error {
	_, err := a.until(ctx, func(st protocol.Status) bool { return 4*st.Mapped >= st.Maps })
	return err
}

// AwaitSeal waits until the job is sealed. The error wraps ErrIncomplete if the supervisor ended
// without a seal.
func (a Attack) AwaitSeal(ctx context.Context) (state.Sealed, error) {
	for {
		sealed, ok, err := a.Folder.Sealed(a.Plan.Job.ID)
		if ok || err != nil {
			return sealed, err
		}
		if !a.alive() {
			// The supervisor may have sealed the job after the first check.
			if sealed, ok, err := a.Folder.Sealed(a.Plan.Job.ID); ok || err != nil {
				return sealed, err
			}
			return sealed, fmt.Errorf("%w: the supervisor ended without a result", protocol.ErrIncomplete)
		}
		if err := pause(ctx); err != nil {
			return sealed, err
		}
	}
}

// moves waits until a worker has visibly done something, and returns how long that took.
func (a Attack) moves(ctx context.Context) (time.Duration, error) {
	first, err := a.status(ctx)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = a.until(ctx, func(st protocol.Status) bool {
		return st.Phase == protocol.Done || st.Mapped != first.Mapped || st.Reduced != first.Reduced ||
			!maps.Equal(st.PendingMaps, first.PendingMaps) || !maps.Equal(st.PendingReduces, first.PendingReduces) ||
			!maps.Equal(st.Workers, first.Workers) // their heartbeats
	})
	return time.Since(start), err
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(lookEvery):
		return nil
	}
}
