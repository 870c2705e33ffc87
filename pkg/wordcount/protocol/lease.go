package protocol

import (
	"context"
	"encoding/json"
)

// AloneFrom is the number of deaths from which on a task runs alone. From then on only deaths of
// workers that had begun it are counted against it, so it can't get its neighbours buried.
const AloneFrom = 2

// Renew is a heartbeat: it renews those leases that the consumer still holds, and publishes what
// the worker says of itself.
func (c Client) Renew(ctx context.Context, run, consumer string, info WorkerInfo, stream Stream, tasks []int) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	args := []any{run, consumer, text, string(stream)}
	for _, n := range tasks {
		args = append(args, n)
	}
	return c.call(ctx, "renew", c.Job.Keys(), args...).Err()
}

// Release ends all leases of a consumer now, and returns how many there were. Died means that the
// worker was seen to die: then the death is counted against each task that may have caused it.
func (c Client) Release(ctx context.Context, run, consumer string, died bool) (int, error) {
	alone := 0
	if died {
		alone = AloneFrom
	}
	return c.call(ctx, "release", c.Job.Keys(), run, consumer, alone).Int()
}

// BeginTask records that a consumer begins a task that it took over, and returns how many workers
// died while they held it.
func (c Client) BeginTask(ctx context.Context, run string, task TaskID, consumer string) (deaths int, err error) {
	return c.call(ctx, "begin_task", c.Job.Keys(), run, string(task.Stream), task.Number, consumer).Int()
}
