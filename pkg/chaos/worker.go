package chaos

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/redis/go-redis/v9"
)

// KillWorker kills a worker that holds a task, and returns how long it took until another one had it.
func (a Attack) KillWorker(ctx context.Context) (time.Duration, error) {
	v, err := a.hit(ctx, syscall.SIGKILL)
	if err != nil {
		return 0, err
	}
	defer v.process.Release()
	recovery, now, err := a.heirs(ctx, v.held, v.consumer)
	if err == nil {
		a.Say("killed worker %d with %s: %s %s", v.process.Pid, list(v.held), now, after(recovery))
	}
	return recovery, err
}

// PauseWorker stops a worker that holds a task until that was taken from it, then lets it go on: a zombie, that will
// try to commit what somebody else has committed. It returns how long the theft took, which is a lease at least.
func (a Attack) PauseWorker(ctx context.Context) (time.Duration, error) {
	v, err := a.hit(ctx, syscall.SIGSTOP)
	if err != nil {
		return 0, err
	}
	defer v.process.Release()
	defer v.process.Signal(syscall.SIGCONT)
	recovery, now, err := a.heirs(ctx, v.held[:1], v.consumer)
	if err == nil {
		a.Say("paused worker %d with %s: %s %s; worker %d goes on", v.process.Pid, list(v.held[:1]), now, after(recovery), v.process.Pid)
	}
	return recovery, err
}

func after(d time.Duration) string { return "after " + d.Round(time.Millisecond).String() }

// heirs waits until none of the tasks is the victim's any more, and says what became of the last one.
func (a Attack) heirs(ctx context.Context, held []holding, victim string) (recovery time.Duration, now string, err error) {
	since := time.Now()
	for _, task := range held {
		if now, err = a.heir(ctx, task, victim); err != nil {
			return 0, "", err
		}
	}
	return time.Since(since), now, nil
}

// holding is a task in somebody's hands.
type holding struct{ stream, id string }

// list names tasks, those of one stream together.
func list(held []holding) string {
	var streams []string
	for _, stream := range []string{"map", "reduce"} {
		var numbers []string
		for _, h := range held {
			if h.stream == stream {
				number, _, _ := strings.Cut(h.id, "-")
				numbers = append(numbers, number)
			}
		}
		switch len(numbers) {
		case 0:
		case 1:
			streams = append(streams, stream+" task "+numbers[0])
		default:
			streams = append(streams, stream+" tasks "+strings.Join(numbers, ", "))
		}
	}
	return strings.Join(streams, " and ")
}

// victim is a worker that was hit.
type victim struct {
	process  *os.Process
	consumer string
	held     []holding
}

// hit sends a signal to a worker that holds something, and returns who it was and what it held. Redis names the worker, no
// more: the process is a child of the job's supervisor, or it is left alone.
func (a Attack) hit(ctx context.Context, sig syscall.Signal) (v victim, err error) {
	heard := map[string]protocol.WorkerInfo{} // what workers that can't be hit said last
	told := false
	_, err = a.until(ctx, func(st protocol.Status) bool {
		for name, about := range st.Workers {
			if st.PendingMaps[name]+st.PendingReduces[name] == 0 {
				continue
			}
			process, err := a.Folder.Worker(a.Plan.Job.ID, name)
			if err != nil {
				// A worker that has just died says nothing more. What can't be read comes from no worker.
				unreadable := about == protocol.WorkerInfo{}
				if before, known := heard[name]; known && (before != about || unreadable) && !told {
					a.Say("worker %.80q holds a task and is left alone: it isn't a child of this folder's supervisor", name)
					told = true
				}
				heard[name] = about
				continue
			}
			if held := a.holdings(ctx, name); len(held) > 0 && process.Signal(sig) == nil {
				v = victim{process, name, held}
				return true
			}
			process.Release()
		}
		return false
	})
	return v, err
}

// holdings are the tasks that a worker holds, a few of them.
func (a Attack) holdings(ctx context.Context, consumer string) (held []holding) {
	for _, stream := range []string{"map", "reduce"} {
		entries, _ := a.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: a.Plan.Job.Key(stream), Group: "workers", Start: "-", End: "+", Count: 4, Consumer: consumer,
		}).Result() // none is as good as an error: we look again
		for _, e := range entries {
			held = append(held, holding{stream, e.ID})
		}
	}
	return held
}

// heir waits until a task isn't the victim's any more, and says what became of it.
func (a Attack) heir(ctx context.Context, task holding, victim string) (string, error) {
	for {
		entries, err := a.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: a.Plan.Job.Key(task.stream), Group: "workers", Start: task.id, End: task.id, Count: 1,
		}).Result()
		switch {
		case err == nil && len(entries) == 0:
			return "it was committed", nil
		case err == nil && entries[0].Consumer != victim:
			process, err := a.Folder.Worker(a.Plan.Job.ID, entries[0].Consumer)
			if err != nil {
				return "another worker took over", nil
			}
			defer process.Release()
			return fmt.Sprintf("worker %d took over", process.Pid), nil
		case err != nil && !a.alive():
			return "", ErrOver
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
	}
}
