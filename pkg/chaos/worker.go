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

// KillWorker kills a worker that holds tasks. It returns the time until none of them was the dead
// worker's any more.
func (a Attack) KillWorker(ctx context.Context) (time.Duration, error) {
	v, err := a.signal(ctx, syscall.SIGKILL)
	if err != nil {
		return 0, err
	}
	defer v.process.Release()
	recovery, outcome, err := a.awaitLosses(ctx, v.held, v.consumer)
	if err == nil {
		a.Say("killed worker %d with %s: %s %s", v.process.Pid, list(v.held), outcome, after(recovery))
	}
	return recovery, err
}

// PauseWorker stops a worker that holds a task, waits until another worker has stolen the task, and
// lets the first one go on. The first one is a zombie then: it will try to commit what another
// worker has committed. PauseWorker returns the time until the theft, which is at least a lease.
func (a Attack) PauseWorker(ctx context.Context) (time.Duration, error) {
	v, err := a.signal(ctx, syscall.SIGSTOP)
	if err != nil {
		return 0, err
	}
	defer v.process.Release()
	defer v.process.Signal(syscall.SIGCONT)
	recovery, outcome, err := a.awaitLosses(ctx, v.held[:1], v.consumer)
	if err == nil {
		a.Say("paused worker %d with %s: %s %s; worker %d goes on", v.process.Pid, list(v.held[:1]), outcome, after(recovery), v.process.Pid)
	}
	return recovery, err
}

func after(d time.Duration) string { return "after " + d.Round(time.Millisecond).String() }

// awaitLosses waits until the victim holds none of the tasks, and says what became of the last one.
func (a Attack) awaitLosses(ctx context.Context, held []holding, victim string) (recovery time.Duration, last string, err error) {
	since := time.Now()
	for _, task := range held {
		if last, err = a.awaitLoss(ctx, task, victim); err != nil {
			return 0, "", err
		}
	}
	return time.Since(since), last, nil
}

// holding is a task that a worker holds.
type holding struct {
	stream protocol.Stream
	id     string
}

// list returns the names of tasks, grouped by stream.
func list(held []holding) string {
	var streams []string
	for _, stream := range []protocol.Stream{protocol.Maps, protocol.Reduces} {
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
			streams = append(streams, string(stream)+" task "+numbers[0])
		default:
			streams = append(streams, string(stream)+" tasks "+strings.Join(numbers, ", "))
		}
	}
	return strings.Join(streams, " and ")
}

// victim is a worker that got a signal.
type victim struct {
	process  *os.Process
	consumer string
	held     []holding
}

// signal sends a signal to a worker that holds a task. It returns the worker and the tasks that it
// held. Redis gives only the name of the worker. The signal goes to a child process of the job's
// supervisor that has this name, and to no other process.
func (a Attack) signal(ctx context.Context, sig syscall.Signal) (v victim, err error) {
	heard := map[string]protocol.WorkerInfo{} // the last report of each worker that gets no signal
	told := false
	_, err = a.until(ctx, func(st protocol.Status) bool {
		for name, about := range st.Workers {
			if st.PendingMaps[name]+st.PendingReduces[name] == 0 {
				continue
			}
			process, err := a.Folder.Worker(a.Plan.Job.ID, name)
			if err != nil {
				// A worker that has just died reports nothing more. A report that can't be read is
				// no worker's.
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

// holdings returns the tasks that a worker holds, at most four of each stream.
func (a Attack) holdings(ctx context.Context, consumer string) (held []holding) {
	for _, stream := range []protocol.Stream{protocol.Maps, protocol.Reduces} {
		entries, _ := a.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: a.Plan.Job.StreamKey(stream), Group: protocol.Group, Start: "-", End: "+", Count: 4, Consumer: consumer,
		}).Result() // an error is treated as no tasks, because signal tries again
		for _, e := range entries {
			held = append(held, holding{stream, e.ID})
		}
	}
	return held
}

// awaitLoss waits until the victim doesn't hold the task, and says what became of the task.
func (a Attack) awaitLoss(ctx context.Context, task holding, victim string) (string, error) {
	for {
		entries, err := a.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: a.Plan.Job.StreamKey(task.stream), Group: protocol.Group, Start: task.id, End: task.id, Count: 1,
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
