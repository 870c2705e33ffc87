package chaos

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// KillSupervisor kills the process that supervises the job, waits until the job's lock is free,
// and resumes the job. It returns the time from the kill until a new worker held a task.
func (a Attack) KillSupervisor(ctx context.Context) (time.Duration, error) {
	before, err := a.status(ctx)
	if err != nil {
		return 0, err
	}
	killed := time.Now()
	pid, err := a.replace(ctx)
	if err != nil {
		return 0, err
	}
	_, err = a.until(ctx, func(st protocol.Status) bool {
		for worker := range st.Workers {
			if _, old := before.Workers[worker]; !old && st.PendingMaps[worker]+st.PendingReduces[worker] > 0 {
				return true
			}
		}
		return st.Phase == protocol.Done
	})
	recovery := time.Since(killed)
	if err == nil {
		a.Say("killed supervisor %d: new workers are at it %s", pid, after(recovery))
	}
	return recovery, err
}

// replace kills the supervisor and resumes the job. It returns the id of the killed process.
func (a Attack) replace(ctx context.Context) (pid int, err error) {
	if a.resuming != nil {
		a.resuming.Store(true)
		defer a.resuming.Store(false)
	}
	if pid, err = a.killSupervisor(ctx); err != nil {
		return 0, err
	}
	for a.Folder.Supervised(a.Plan.Job.ID) {
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	return pid, a.Resume(ctx)
}

// giveUpAfter limits how often killSupervisor looks for the process that holds the lock. A
// supervisor that has just started may not have written its process id yet.
const giveUpAfter = 500

// killSupervisor returns the id of the process that it killed, or ErrOver if there is no
// supervisor.
func (a Attack) killSupervisor(ctx context.Context) (pid int, err error) {
	for attempt := 1; a.Folder.Supervised(a.Plan.Job.ID); attempt++ {
		supervisor, err := a.Folder.Supervisor(a.Plan.Job.ID)
		if err == nil {
			pid := supervisor.Pid // Release clears it
			err = supervisor.Signal(syscall.SIGKILL)
			supervisor.Release()
			if err == nil {
				return pid, nil
			}
		}
		if attempt == giveUpAfter {
			return 0, fmt.Errorf("kill the supervisor: %w", err)
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	return 0, ErrOver
}
