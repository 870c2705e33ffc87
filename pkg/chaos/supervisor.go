package chaos

import (
	"context"
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
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return 0, fmt.Errorf("kill supervisor %d: %w", pid, err)
	}
	killed := time.Now()
	a.Say("killed supervisor %d", pid)
	for a.alive() {
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	if err := a.Resume(ctx); err != nil {
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
