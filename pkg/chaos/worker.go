package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// KillWorker kills a worker of this host that holds a task, and returns how long it took until another one had it.
func (a Attack) KillWorker(ctx context.Context) (time.Duration, error) {
	consumer, pid, held, err := a.hit(ctx, syscall.SIGKILL)
	if err != nil {
		return 0, err
	}
	killed := time.Now()
	a.Say("killed worker %d, which held %s", pid, list(held))
	return a.heirs(ctx, held, consumer, killed)
}

// PauseWorker stops a worker that holds a task until that was taken from it, then lets it go on: a zombie, that will
// try to commit what somebody else has committed. It returns how long the theft took, which is a lease at least.
func (a Attack) PauseWorker(ctx context.Context) (time.Duration, error) {
	consumer, pid, held, err := a.hit(ctx, syscall.SIGSTOP)
	if err != nil {
		return 0, err
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	paused := time.Now()
	a.Say("paused worker %d, which held %s", pid, list(held))
	recovery, err := a.heirs(ctx, held[:1], consumer, paused)
	if err == nil {
		a.Say("worker %d goes on", pid)
	}
	return recovery, err
}

// heirs waits until none of the tasks is the victim's any more, and says whose they are.
func (a Attack) heirs(ctx context.Context, held []holding, victim string, since time.Time) (time.Duration, error) {
	for _, task := range held {
		heir, err := a.heir(ctx, task, victim)
		if err != nil {
			return 0, err
		}
		a.Say("%v %s after %s", task, heir, time.Since(since).Round(time.Millisecond))
	}
	return time.Since(since), nil
}

// holding is a task in somebody's hands.
type holding struct{ stream, id string }

func (h holding) String() string {
	number, _, _ := strings.Cut(h.id, "-")
	return h.stream + " task " + number
}

func list(held []holding) string {
	names := make([]string, len(held))
	for i, h := range held {
		names[i] = h.String()
	}
	return strings.Join(names, ", ")
}

// hit sends a signal to a worker of this host that holds something, and returns who it was and what it held. One that
// ended by itself just now is passed over.
func (a Attack) hit(ctx context.Context, sig syscall.Signal) (consumer string, pid int, held []holding, err error) {
	here, _ := os.Hostname()
	_, err = a.until(ctx, func(st wordcount.Status) bool {
		for name, about := range st.Workers {
			var info wordcount.WorkerInfo
			if json.Unmarshal([]byte(about), &info) != nil || info.Host != here || st.PendingMaps[name]+st.PendingReduces[name] == 0 {
				continue
			}
			consumer, pid = name, info.PID
			if held = a.holdings(ctx, name); len(held) > 0 && syscall.Kill(pid, sig) == nil {
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
			return "", ErrOver
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
	}
}
