package bench

import (
	"context"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// lookAgain is how long until a victim is looked for again: workers introduce themselves once a second.
const lookAgain = 10 * time.Millisecond

// killWorkers kills a worker that holds a task now and then, as long as ctx lives, and returns how often it did. Unlike
// the faults of package chaos it doesn't watch the recovery, which would cost time of its own.
func (j *job) killWorkers(ctx context.Context) (kills int) {
	for next := time.Now().Add(j.kill); sleep(ctx, time.Until(next)); next = next.Add(j.kill) {
		killed := j.killOne(ctx)
		for !killed && sleep(ctx, lookAgain) {
			killed = j.killOne(ctx)
		}
		if killed {
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

// killOne kills a worker that holds something, and tells whether there was one: there may be none just now, at the start or
// the end. One that was killed before is no victim again, for the dead are no children.
func (j *job) killOne(ctx context.Context) bool {
	folder := wordcount.Folder{Dir: j.state()}
	plan, err := folder.Last()
	if err != nil {
		return false
	}
	status, err := wordcount.JobStatus(ctx, j.rdb, plan.Job)
	if err != nil {
		return false
	}
	for name := range status.Workers {
		if status.PendingMaps[name]+status.PendingReduces[name] == 0 {
			continue
		}
		if worker, err := folder.Worker(plan.Job.ID, name); err == nil {
			err := worker.Kill()
			worker.Release()
			return err == nil
		}
	}
	return false
}
