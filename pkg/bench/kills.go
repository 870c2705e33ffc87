package bench

import (
	"context"
	"encoding/json"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// lookAgain is how long until a victim is looked for again: workers introduce themselves once a second.
const lookAgain = 10 * time.Millisecond

// killWorkers kills a worker that holds a task now and then, as long as ctx lives, and returns how often it did. Unlike
// the faults of package chaos it doesn't watch the recovery, which would cost time of its own.
func (j *job) killWorkers(ctx context.Context) (kills int) {
	killed := map[int]bool{}
	for next := time.Now().Add(j.kill); sleep(ctx, time.Until(next)); next = next.Add(j.kill) {
		pid, ok := j.victim(ctx, killed)
		for !ok && sleep(ctx, lookAgain) {
			pid, ok = j.victim(ctx, killed)
		}
		if ok && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed[pid] = true
			kills++
		}
	}
	return kills
}

// sleep waits, and tells whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err() == nil
}

// victim finds a worker that holds something and lives. There may be none just now, at the start or the end.
func (j *job) victim(ctx context.Context, killed map[int]bool) (pid int, ok bool) {
	plan, err := wordcount.Folder{Dir: j.state()}.Last()
	if err != nil {
		return 0, false
	}
	status, err := wordcount.JobStatus(ctx, j.rdb, plan.Job)
	if err != nil {
		return 0, false
	}
	for name, about := range status.Workers {
		var info wordcount.WorkerInfo
		if json.Unmarshal([]byte(about), &info) != nil || killed[info.PID] {
			continue
		}
		if status.PendingMaps[name]+status.PendingReduces[name] > 0 {
			return info.PID, true
		}
	}
	return 0, false
}
