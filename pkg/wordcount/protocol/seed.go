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

// Seed appends the map tasks from number first on, unless they are there already, and creates the
// job if it isn't there. It returns the run that the job belongs to and the number of the last task
// in the stream. If first is larger than that number + 1, nothing is appended.
func (c Client) Seed(ctx context.Context, run string, maps, first int, tasks []Entry) (owner string, top int, err error) {
	var adding load
	for _, t := range tasks {
		adding.bytes += int64(len(t.Paths)+len(t.Numbers)) + entryOverhead
	}
	if err := c.room(ctx, adding); err != nil {
		return "", 0, err
	}
	args := make([]any, 0, 4+2*len(tasks))
	args = append(args, run, maps, c.Job.Reducers, first)
	for _, t := range tasks {
		args = append(args, t.Paths, t.Numbers)
	}
	reply, err := c.call(ctx, "seed", c.Job.Keys(), args...).Slice()
	if err != nil {
		return "", 0, err
	}
	return reply[0].(string), int(reply[1].(int64)), nil
}
