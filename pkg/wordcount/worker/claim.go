package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

const (
	batchMax = 7500                   // tasks in one commit; the bound of the library
	readFor  = 40 * time.Millisecond  // work taken at once; at a job's end the others wait for it
	readMax  = 1024                   // tasks taken at once
	blockFor = 200 * time.Millisecond // how long an idle worker waits for a new task
)

var bothStreams = []protocol.Stream{protocol.Maps, protocol.Reduces}

// claimer gets tasks for a worker: tasks that were delivered to the worker but that it doesn't
// know, tasks of dead workers, and new tasks.
//
// Immutable after construction: client, consumer, lease, faults. The worker's loop sets run and
// phase when it reads the job, and it removes tasks from todo.
type claimer struct {
	client   protocol.Client
	consumer string
	lease    time.Duration
	faults   Faults
	leases   *leases

	run   string
	phase protocol.Phase // as last seen
	todo  []task         // held by this worker, and not counted yet
	batch int            // how many tasks to ask for
	lost  bool           // a reply may be lost: read the pending entries of this worker again

	lastSteal time.Time
	sightings map[string]sighting  // of other workers, by name
	watched   map[string]time.Time // when pending tasks of others were first seen, by ID
	longest   time.Duration        // the longest time that a task of this worker took
}

func newClaimer(client protocol.Client, spec Spec, leases *leases) claimer {
	return claimer{
		client: client, consumer: spec.Consumer, lease: spec.Lease, faults: spec.Faults, leases: leases,
		batch: 1,
		// The name is new, so no earlier worker had it. But the reply to the first read may be
		// lost.
		lost: true,
	}
}

// reread takes the pending entries of this worker that it doesn't know, because a reply was lost or
// a rollback undid a commit. It returns the number of tasks taken.
func (c *claimer) reread(ctx context.Context) (int, error) {
	mine, err := c.readGroup(ctx, bothStreams, "0", batchMax, -1)
	if err != nil {
		return 0, err
	}
	c.lost = false
	return c.take(mine, false), nil
}

// next takes new tasks of the phase in which the job was last seen. It doesn't wait. It returns the
// number of tasks taken.
func (c *claimer) next(ctx context.Context) (int, error) {
	n := 1
	switch c.phase {
	case protocol.Mapping:
		n = c.batch
	case protocol.Done:
		return 0, nil
	}
	fresh, err := c.readGroup(ctx, []protocol.Stream{c.phase.Stream()}, ">", n, -1)
	return c.take(fresh, false), err
}

// wait waits for a new task and takes it, for blockFor at most. It asks for one task only, because
// the first reduce task wakes every worker, and each worker should get some.
func (c *claimer) wait(ctx context.Context) error {
	fresh, err := c.readGroup(ctx, bothStreams, ">", 1, blockFor)
	c.take(fresh, false)
	return err
}

// readGroup reads up to n tasks of each stream. It reads new tasks if from is ">", and pending ones
// of this worker if from is "0". With a negative block it doesn't wait.
func (c *claimer) readGroup(ctx context.Context, streams []protocol.Stream, from string, n int, block time.Duration) ([]task, error) {
	var keys, ids []string
	for _, s := range streams {
		keys, ids = append(keys, c.client.Job.StreamKey(s)), append(ids, from)
	}
	replies, err := c.client.Redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: protocol.Group, Consumer: c.consumer, Streams: append(keys, ids...), Count: int64(n), Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, protocol.Classify(err)
	}
	var tasks []task
	for _, reply := range replies {
		some, err := parseTasks(streams[slices.Index(keys, reply.Stream)], reply.Messages)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	if from == ">" && len(tasks) > 0 {
		c.faults.at(AfterRead)
	}
	return tasks, nil
}

// take adds the tasks that the worker doesn't hold already, and returns how many those are. The
// same task may arrive twice when the worker reads its pending entries again, after a rollback, or
// when the worker steals from itself.
func (c *claimer) take(tasks []task, stolen bool) int {
	n := 0
	for _, t := range tasks {
		if c.leases.add(c.run, t.TaskID) {
			t.stolen = stolen
			c.todo = append(c.todo, t)
			n++
		}
	}
	return n
}

// pace adapts how many tasks the worker takes at once. A few small files must not cost a round trip
// each, and one worker must not hold many large splits.
func (c *claimer) pace(took time.Duration) {
	c.longest = max(c.longest, took)
	switch {
	case took*time.Duration(c.batch) < readFor/2:
		c.batch = min(2*c.batch, readMax)
	case took*time.Duration(c.batch) > readFor:
		c.batch = max(c.batch/2, 1)
	}
}
