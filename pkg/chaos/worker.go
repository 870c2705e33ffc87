package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// KillWorker kills a worker of this host that holds a task, and returns when another one has that task.
func (a Attack) KillWorker(ctx context.Context) error {
	consumer, pid, held, err := a.victim(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill worker %d: %w", pid, err)
	}
	killed := time.Now()
	a.Say("killed %d holding %d tasks", pid, len(held))
	for _, task := range held {
		heir, err := a.heir(ctx, task, consumer)
		if err != nil {
			return err
		}
		a.Say("task %s of stream %s %s after %s", task.id, task.stream, heir, time.Since(killed).Round(time.Millisecond))
	}
	return nil
}

// holding is a task in somebody's hands.
type holding struct{ stream, id string }

// victim finds a worker of this host that holds something, and what.
func (a Attack) victim(ctx context.Context) (consumer string, pid int, held []holding, err error) {
	here, _ := os.Hostname()
	_, err = a.until(ctx, func(st wordcount.Status) bool {
		for name, about := range st.Workers {
			var info wordcount.WorkerInfo
			if json.Unmarshal([]byte(about), &info) != nil || info.Host != here || st.PendingMaps[name]+st.PendingReduces[name] == 0 {
				continue
			}
			consumer, pid = name, info.PID
			if held = a.holdings(ctx, name); len(held) > 0 && syscall.Kill(pid, 0) == nil {
				return true
			}
		}
		return false
	})
	return consumer, pid, held, err
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

// heir waits until a task isn't the victim's any more, and says who has it.
func (a Attack) heir(ctx context.Context, task holding, victim string) (string, error) {
	for {
		entries, err := a.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: a.Plan.Job.Key(task.stream), Group: "workers", Start: task.id, End: task.id, Count: 1,
		}).Result()
		switch {
		case err == nil && len(entries) == 0:
			return "is committed", nil
		case err == nil && entries[0].Consumer != victim:
			st, err := a.status(ctx)
			var info wordcount.WorkerInfo
			json.Unmarshal([]byte(st.Workers[entries[0].Consumer]), &info)
			if info.PID == 0 { // it hasn't introduced itself yet
				return "runs again on a new worker", err
			}
			return fmt.Sprintf("runs again on %d", info.PID), err
		case err != nil && !a.alive():
			return "", errOver
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
	}
}
