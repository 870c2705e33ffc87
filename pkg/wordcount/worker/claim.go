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
	batchMax = 7500                   // tasks in one commit; the library's bound
	readFor  = 40 * time.Millisecond  // of work is what a worker takes at once: at the end the others wait for it
	readMax  = 1024                   // tasks taken at once
	blockFor = 200 * time.Millisecond // an idle worker waits so long for a new task before it looks round again
)

var bothStreams = []protocol.Stream{protocol.Maps, protocol.Reduces}

// claimer gets tasks for a worker: its own that it doesn't know of, those of dead workers, and new ones.
//
// Immutable after construction: client, consumer, lease, faults. The worker's loop sets run and phase when it reads the
// job, and takes tasks off todo.
type claimer struct {
	client   protocol.Client
	consumer string
	lease    time.Duration
	faults   Faults
	leases   *leases

	run   string
	phase protocol.Phase // as last seen
	todo  []task         // ours, not counted
	batch int            // how many tasks to ask for
	lost  bool           // a reply may be lost: look into our own pending entries

	lastSteal time.Time
	sightings map[string]sighting  // of other workers, by name
	watched   map[string]time.Time // when we first saw others' pending tasks, by ID
	longest   time.Duration        // that a task of ours took
}

func newClaimer(client protocol.Client, spec Spec, leases *leases) claimer {
	return claimer{
		client: client, consumer: spec.Consumer, lease: spec.Lease, faults: spec.Faults, leases: leases,
		batch: 1,
		lost:  true, // an earlier life under this name can't be, a lost reply to our first read can
	}
}

// reread takes the pending entries of ours that we don't know of: a reply was lost, or a rollback took a commit back.
func (c *claimer) reread(ctx context.Context) (int, error) {
	mine, err := c.readGroup(ctx, bothStreams, "0", batchMax, -1)
	if err != nil {
		return 0, err
	}
	c.lost = false
	return c.take(mine, false), nil
}

// next takes new tasks of the phase that we think the job is in, and doesn't wait.
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

// wait waits for a new task, and takes it. It takes one only: the first of the reduce tasks wakes every worker, and each
// should get some.
func (c *claimer) wait(ctx context.Context) error {
	fresh, err := c.readGroup(ctx, bothStreams, ">", 1, blockFor)
	c.take(fresh, false)
	return err
}

// readGroup reads up to n tasks of each stream; a negative block doesn't wait.
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

// take adds tasks that we don't hold already, and returns how many those are. We may be given the same task twice when we
// read our pending entries again, after a rollback, or when we steal from ourselves.
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

// pace adapts how many tasks are taken at once: a few small files must not cost a round trip each, and one worker must
// not sit on many large splits.
func (c *claimer) pace(took time.Duration) {
	c.longest = max(c.longest, took)
	switch {
	case took*time.Duration(c.batch) < readFor/2:
		c.batch = min(2*c.batch, readMax)
	case took*time.Duration(c.batch) > readFor:
		c.batch = max(c.batch/2, 1)
	}
}
