package lab

import (
	"context"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// way is one way to count the texts.
type way struct {
	program string // what the lesson is about
	means   string // in a few words
	stays   bool   // its workers stay until they are dismissed
	right   bool
}

// trial is one way to count the texts, tried once. Scenarios are written in its methods and those of
// its processes. The first error stays, and after it nothing is done any more.
type trial struct {
	ctx       context.Context
	world     *world
	way       way
	processes []*process
	notes     []string // for people
	err       error
}

// fail notes the first error.
func (t *trial) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// note says something about the trial for people to look at.
func (t *trial) note(format string, args ...any) {
	if t.err == nil {
		t.notes = append(t.notes, fmt.Sprintf(format, args...))
	}
}

// run runs the scenario of a lesson with this way, and returns what it has counted.
func (t *trial) run(scenario func(*trial)) (counts, error) {
	t.fail(t.world.empty(t.ctx))
	scenario(t)
	for _, p := range t.processes {
		p.kill()
	}
	return t.counted(), t.err
}

// counted is what the sorted set has.
func (t *trial) counted() counts {
	if t.err != nil {
		return nil
	}
	all, err := t.world.redis.ZRangeWithScores(t.ctx, t.world.job.Job.Key("counts"), 0, -1).Result()
	t.fail(err)
	c := counts{}
	for _, z := range all {
		c[z.Member.(string)] = int(z.Score)
	}
	return c
}

// seed puts the texts into the stream, undisturbed.
func (t *trial) seed() { t.start("right_seed", "seeder").leave() }

// seedList puts the texts into a list, undisturbed.
func (t *trial) seedList() {
	if t.err != nil {
		return
	}
	for _, task := range t.world.tasks {
		t.fail(t.world.redis.RPush(t.ctx, listKey(t.world.job.Job), task.Paths).Err())
	}
}

// finish lets workers go on, one after the other, until all is done. Workers that stay are then
// dismissed.
func (t *trial) finish(workers ...*process) {
	for _, w := range workers {
		w.rest()
	}
	if t.way.stays {
		t.start("right_seal", "sealer").leave()
	}
	for _, w := range workers {
		w.leave()
	}
}

// pending says what XPENDING says.
func (t *trial) pending() (text string) {
	if t.err != nil {
		return ""
	}
	p, err := t.world.redis.XPending(t.ctx, t.world.job.Job.StreamKey(protocol.Maps), protocol.Group).Result()
	if err != nil {
		t.fail(err)
		return ""
	}
	text = fmt.Sprintf("%d pending", p.Count)
	for worker, n := range p.Consumers {
		text += fmt.Sprintf(", %s has %d", worker, n)
	}
	return text
}

// beginSave begins a checkpoint, and doesn't wait for its end.
func (t *trial) beginSave() {
	if t.err == nil {
		t.fail(t.world.redis.BgSave(t.ctx).Err())
	}
}

// save takes a checkpoint.
func (t *trial) save() {
	if t.err == nil {
		t.fail(checkpoint.Take(t.ctx, t.world.redis))
	}
}

// crash kills Redis, and starts it again with what its last checkpoint has.
func (t *trial) crash() {
	if t.err == nil {
		t.fail(t.world.server.Kill(t.ctx))
	}
	if t.err == nil {
		t.fail(t.world.server.Start(t.ctx))
	}
}
