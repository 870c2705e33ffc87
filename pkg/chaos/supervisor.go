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
	pid, err := a.Folder.Supervisor(a.Plan.Job.ID)
	if err != nil {
		return 0, fmt.Errorf("find the supervisor: %w", err)
	}
	before, err := a.status(ctx)
	if err != nil {
		return 0, err
	}
	killed := time.Now()
	if err := a.replace(ctx, pid); err != nil {
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
func (a Attack) replace(ctx context.Context, pid int) error {
	if a.resuming != nil {
		a.resuming.Store(true)
		defer a.resuming.Store(false)
	}
	switch err := syscall.Kill(pid, syscall.SIGKILL); {
	case errors.Is(err, syscall.ESRCH): // it ended by itself just now
		return ErrOver
	case err != nil:
		return fmt.Errorf("kill supervisor %d: %w", pid, err)
	}
	a.Say("killed supervisor %d", pid)
	for a.Folder.Supervised(a.Plan.Job.ID) {
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return a.Resume(ctx)
}
