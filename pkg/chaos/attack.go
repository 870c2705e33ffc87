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
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// lookEvery is how often the victim is looked at: recovery takes milliseconds.
const lookEvery = 2 * time.Millisecond

// Attack is one job under attack.
type Attack struct {
	Redis  redis.UniversalClient
	Server *redisd.Server // where Redis runs; used by one fault at a time
	Plan   plan.Plan
	Folder state.Folder
	// Durability is what the job was started with.
	Durability supervisor.Durability
	// Hasty doesn't wait for a moment at which there is most to see.
	Hasty bool
	// Resume starts a supervisor for the job again, and returns when it is at work.
	Resume func(context.Context) error
	// Say takes a line for each fault: what was struck, and how the job went on.
	Say func(format string, args ...any)
	// Show takes lines that show the job's keys, before and after Redis was killed; may be nil.
	Show func(line string)

	resuming *atomic.Bool // whoever kills the supervisor is about to resume the job; may be nil
}

// ErrOver says that there is nothing left to attack.
var ErrOver = fmt.Errorf("%w: the job ended before the fault could hit it: give it more to do", protocol.ErrIncomplete)

// status reads where the job stands, through whatever Redis suffers.
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

// alive tells whether a supervisor of this folder still works on the job, or is about to.
func (a Attack) alive() bool {
	return a.resuming != nil && a.resuming.Load() || a.Folder.Supervised(a.Plan.Job.ID)
}

// until looks at the job until it is as wanted.
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

// WaitForProgress waits until a quarter of the maps are committed: a fault in the middle has something to lose.
func (a Attack) WaitForProgress(ctx context.Context) error {
	_, err := a.until(ctx, func(st protocol.Status) bool { return 4*st.Mapped >= st.Maps })
	return err
}

// AwaitSeal waits until the job is sealed. The error is ErrIncomplete if its supervisor gave up.
func (a Attack) AwaitSeal(ctx context.Context) (state.Sealed, error) {
	for {
		sealed, ok, err := a.Folder.Sealed(a.Plan.Job.ID)
		if ok || err != nil {
			return sealed, err
		}
		if !a.alive() {
			// It may have sealed the job between the two looks.
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

// moves waits until a worker is seen to do something, and returns how long that took.
func (a Attack) moves(ctx context.Context) (time.Duration, error) {
	first, err := a.status(ctx)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = a.until(ctx, func(st protocol.Status) bool {
		return st.Phase == "done" || st.Mapped != first.Mapped || st.Reduced != first.Reduced ||
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
