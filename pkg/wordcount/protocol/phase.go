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

// Brief is what a worker has to know of a job.
type Brief struct {
	Run       string
	Phase     Phase
	Maps      int  // map tasks
	Dismissed bool // sealed: workers may leave
}

// ReadPhase reads what an idle worker has to know of the job. It costs less than Status.
func (c Client) ReadPhase(ctx context.Context) (b Brief, err error) {
	reply, err := c.Redis.HMGet(ctx, c.Job.Key("meta"), "run", "phase", "maps", "dismissed").Result()
	if err != nil {
		return b, Classify(err)
	}
	text := func(i int) string { s, _ := reply[i].(string); return s }
	if text(0) == "" || text(1) == "" {
		return b, ErrNoJob
	}
	b = Brief{Run: text(0), Phase: Phase(text(1)), Dismissed: reply[3] != nil}
	if b.Maps, err = bounded(text(2), maxMaps); err != nil {
		return b, Damaged("its number of maps: %v", err)
	}
	return b, nil
}
