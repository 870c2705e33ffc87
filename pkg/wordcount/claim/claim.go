package claim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

const (
	readFor  = 40 * time.Millisecond  // work taken at once; at a job's end the others wait for it
	readMax  = 1024                   // tasks taken at once
	blockFor = 200 * time.Millisecond // how long an idle worker waits for a new task
)

// Claimer gets tasks for a worker: tasks that were delivered to the worker but that it doesn't
// know, tasks of dead workers, and new tasks. Each method that takes tasks returns only those that
// the worker didn't hold before.
//
// Immutable after New: me, leases, delivered. The worker's loop sets the exported fields. Everything
// belongs to that loop.
type Claimer struct {
	Run   string         // the run that the tasks belong to
	Phase protocol.Phase // as last seen
	Maps  int            // map tasks of the job
	Lost  bool           // a reply may be lost: read the pending entries of this worker again

	me        Consumer
	leases    *Leases
	delivered func() // may be nil

	batch     int // how many tasks to ask for
	lastSteal time.Time
	looked    time.Time            // when Wait last looked for tasks of others
	rest      time.Duration        // until Wait looks for them again
	sightings map[string]sighting  // of other workers, by name
	watched   map[string]time.Time // when pending tasks of others were first seen, by ID
	longest   time.Duration        // the longest time that a task of this worker took
}

// New makes a claimer that adds the tasks it takes to leases. delivered, if not nil, is called each
// time new tasks have arrived, before anything is done with them.
func New(me Consumer, leases *Leases, delivered func()) *Claimer {
	return &Claimer{
		// The name is new, so no earlier worker had it. But the reply to the first read may be
		// lost.
		Lost: true,
		me:   me, leases: leases, delivered: delivered,
		batch: 1,
	}
}

// Take takes up to n new tasks of a stream. It doesn't wait.
func (c *Claimer) Take(ctx context.Context, stream protocol.Stream, n int) ([]Task, error) {
	fresh, err := c.readGroup(ctx, []protocol.Stream{stream}, ">", n, -1)
	return c.hold(fresh, false), err
}

// Pace adapts how many tasks Next takes at once to the time that the last task took. A few small
// files must not cost a round trip each, and one worker must not hold many large splits.
func (c *Claimer) Pace(took time.Duration) {
	c.longest = max(c.longest, took)
	switch {
	case took*time.Duration(c.batch) < readFor/2:
		c.batch = min(2*c.batch, readMax)
	case took*time.Duration(c.batch) > readFor:
		c.batch = max(c.batch/2, 1)
	}
}

// reread takes the pending entries of this worker that it doesn't know, because a reply was lost or
// a rollback undid a commit. It reads the stream of the phase alone. In phase map, a worker that
// took its reduce tasks again would be refused, take them again, and leave the maps to nobody.
func (c *Claimer) reread(ctx context.Context) ([]Task, error) {
	mine, err := c.readGroup(ctx, []protocol.Stream{c.Phase.Stream()}, "0", protocol.CommitMax, -1)
	if err != nil {
		return nil, err
	}
	c.Lost = false
	return c.hold(mine, false), nil
}

// wait waits for a new task, for blockFor at most, and takes it. It asks for one task only, because
// the first reduce task wakes every worker, and each worker should get some.
func (c *Claimer) wait(ctx context.Context) ([]Task, error) {
	fresh, err := c.readGroup(ctx, []protocol.Stream{protocol.Maps, protocol.Reduces}, ">", 1, blockFor)
	return c.hold(fresh, false), err
}

// readGroup reads up to n tasks of each stream. It reads new tasks if from is ">", and pending ones
// of this worker if from is "0". With a negative block it doesn't wait.
func (c *Claimer) readGroup(ctx context.Context, streams []protocol.Stream, from string, n int, block time.Duration) ([]Task, error) {
	var keys, ids []string
	for _, s := range streams {
		keys, ids = append(keys, c.me.Client.Job.StreamKey(s)), append(ids, from)
	}
	replies, err := c.me.Client.Redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: protocol.Group, Consumer: c.me.Name, Streams: append(keys, ids...), Count: int64(n), Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, protocol.Classify(err)
	}
	var tasks []Task
	for _, reply := range replies {
		some, err := parseTasks(streams[slices.Index(keys, reply.Stream)], reply.Messages)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	if from == ">" && len(tasks) > 0 && c.delivered != nil {
		c.delivered()
	}
	return tasks, nil
}

// hold adds tasks to the leases, and returns those that the worker didn't hold already. The same
// task may arrive twice when the worker reads its pending entries again, after a rollback, or when
// the worker steals from itself.
func (c *Claimer) hold(tasks []Task, stolen bool) (added []Task) {
	for _, t := range tasks {
		if c.leases.add(c.Run, t.TaskID) {
			c.rest = 0
			if t.Stolen, t.How = stolen, event.Fresh; stolen {
				t.How = event.Stolen
			}
			added = append(added, t)
		}
	}
	return added
}
