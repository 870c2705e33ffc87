package protocol

import (
	"context"
)

// Phase is what a job is busy with.
type Phase string

// The phases, in order. A rollback may take a job back to an earlier one.
const (
	Mapping  Phase = "map"    // map tasks are counted
	Reducing Phase = "reduce" // all maps are committed; partitions are merged and stored
	Done     Phase = "done"   // all counts are stored, and nothing is sealed yet
)

// Stream is the stream whose tasks are done in this phase. In Done there is none.
func (p Phase) Stream() Stream { return Stream(p) }

// ReadPhase reads what an idle worker has to know of the job: which run it belongs to, its phase,
// and whether its workers may leave. It costs less than Status.
func (c Client) ReadPhase(ctx context.Context) (run string, phase Phase, dismissed bool, err error) {
	reply, err := c.Redis.HMGet(ctx, c.Job.Key("meta"), "run", "phase", "released").Result()
	if err != nil {
		return "", "", false, Classify(err)
	}
	if reply[0] == nil || reply[1] == nil {
		return "", "", false, ErrNoJob
	}
	return reply[0].(string), Phase(reply[1].(string)), reply[2] != nil, nil
}
