package claim

import (
	"context"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	stealMax   = 4           // map tasks that a thief takes at once
	stealEvery = time.Second // how often a busy worker looks for tasks to steal
)

// Next takes the tasks that come next: first those that were delivered to this worker but that it
// doesn't know, then from time to time those of workers that seem dead, then new ones of the phase
// in which the job was last seen. It doesn't wait. share is how many partitions a thief takes at
// once.
func (c *Claimer) Next(ctx context.Context, share int) ([]Task, error) {
	if c.Lost && c.Phase != protocol.Done {
		if tasks, err := c.reread(ctx); err != nil || len(tasks) > 0 {
			return tasks, err
		}
	}
	// A worker that replaces a dead one steals first, so that in a small job the task of the dead one
	// runs again at once.
	if time.Since(c.lastSteal) > stealEvery {
		if tasks, err := c.steal(ctx, c.stealAtOnce(share)); err != nil || len(tasks) > 0 {
			return tasks, err
		}
	}
	switch c.Phase {
	case protocol.Done:
		return nil, nil
	case protocol.Mapping:
		return c.Take(ctx, c.Phase.Stream(), c.batch)
	}
	return c.Take(ctx, c.Phase.Stream(), 1)
}

// Wait takes tasks for a worker that Next had none for. It looks for every task that the worker
// could do, and also for tasks of slow workers. If there is none, it waits for a new one, but not
// for long. share is how many partitions a thief takes at once.
//
// It looks at once, then less and less often, and at last as often as a busy worker steals. Between
// two looks, an idle worker costs the server two calls for each wait: the wait, and the one by which
// the worker reads the phase.
func (c *Claimer) Wait(ctx context.Context, share int) ([]Task, error) {
	if c.Phase != protocol.Done && time.Since(c.looked) >= c.rest {
		if tasks, err := c.look(ctx, share); err != nil || len(tasks) > 0 {
			return tasks, err
		}
		c.looked, c.rest = time.Now(), min(c.rest+blockFor, stealEvery)
	}
	return c.wait(ctx)
}

// look looks for every task that others have, or that this worker has and doesn't know.
func (c *Claimer) look(ctx context.Context, share int) ([]Task, error) {
	if tasks, err := c.reread(ctx); err != nil || len(tasks) > 0 {
		return tasks, err
	}
	if tasks, err := c.steal(ctx, c.stealAtOnce(share)); err != nil || len(tasks) > 0 {
		return tasks, err
	}
	return c.backup(ctx)
}

// stealAtOnce is how many tasks a thief takes. Of partitions, it takes as many as are stored
// together.
func (c *Claimer) stealAtOnce(share int) int {
	if c.Phase == protocol.Reducing {
		return share
	}
	return stealMax
}
