package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// KillSupervisor kills the process that supervises the job, waits until its workers have followed it, and resumes the
// job. It returns how long that took until a new worker held a task.
func (a Attack) KillSupervisor(ctx context.Context) (time.Duration, error) {
	before, err := a.status(ctx)
	if err != nil {
		return 0, err
	}
	killed := time.Now()
	if err := a.replace(ctx); err != nil {
		return 0, err
	}
	_, err = a.until(ctx, func(st wordcount.Status) bool {
		for worker := range st.Workers {
			if _, old := before.Workers[worker]; !old && st.PendingMaps[worker]+st.PendingReduces[worker] > 0 {
				return true
			}
		}
		return st.Phase == "done"
	})
	recovery := time.Since(killed)
	if err == nil {
		a.Say("new workers are at it after %s", recovery.Round(time.Millisecond))
	}
	return recovery, err
}

// replace kills the supervisor and resumes the job.
func (a Attack) replace(ctx context.Context) error {
	if a.resuming != nil {
		a.resuming.Store(true)
		defer a.resuming.Store(false)
	}
	pid, err := a.killSupervisor(ctx)
	if err != nil {
		return err
	}
	a.Say("killed supervisor %d", pid)
	for a.Folder.Supervised(a.Plan.Job.ID) {
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return a.Resume(ctx)
}

// killSupervisor returns whom it killed, or ErrOver if there is no supervisor any more.
func (a Attack) killSupervisor(ctx context.Context) (pid int, err error) {
	for a.Folder.Supervised(a.Plan.Job.ID) {
		// One that has just begun may not have said who it is.
		if pid, err := a.Folder.Supervisor(a.Plan.Job.ID); err == nil {
			switch err := syscall.Kill(pid, syscall.SIGKILL); {
			case err == nil:
				return pid, nil
			case !errors.Is(err, syscall.ESRCH):
				return 0, fmt.Errorf("kill supervisor %d: %w", pid, err)
			}
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	return 0, ErrOver
}
