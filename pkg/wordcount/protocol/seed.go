package protocol

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Entry is what the stream of maps says of a task: the paths of its files, with a zero byte between
// them, and numbers. Package plan knows what they mean.
type Entry struct{ Paths, Numbers string }

// EntryOf reads the entry of a map task.
func EntryOf(m redis.XMessage) (e Entry) {
	e.Paths, _ = m.Values["path"].(string)
	e.Numbers, _ = m.Values["split"].(string)
	return e
}

// Seeded is a job after a call of Seed.
type Seeded struct {
	Run   string // that the job belongs to
	Top   int    // number of the last task in the stream
	Store string // where the run that created the job has its map outputs
	Phase Phase
}

// Seed appends the map tasks from number first on, unless they are there already, and creates the
// job if it isn't there. store says where the map outputs are; it is kept with a new job, for others
// to compare. What is counted is kept, too, for hosts that join. If first is larger than the number of
// the last task + 1, nothing is appended.
func (c Client) Seed(ctx context.Context, run, store string, maps, first int, tasks []Entry) (s Seeded, err error) {
	var adding load
	for _, t := range tasks {
		adding.bytes += int64(len(t.Paths)+len(t.Numbers)) + entryOverhead
	}
	if err := c.room(ctx, adding); err != nil {
		return s, err
	}
	args := make([]any, 0, 7+2*len(tasks))
	args = append(args, run, maps, c.Job.Reducers, c.Job.Keep, store, c.Job.Counting, first)
	for _, t := range tasks {
		args = append(args, t.Paths, t.Numbers)
	}
	reply, err := c.call(ctx, "seed", c.Job.Keys(), args...).Slice()
	if err != nil {
		return s, err
	}
	return Seeded{Run: reply[0].(string), Top: int(reply[1].(int64)), Store: reply[2].(string), Phase: Phase(reply[3].(string))}, nil
}
