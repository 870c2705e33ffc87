package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

// totals are the totals of some partitions, as a sequence of sorted runs. No word is in two of them.
// As many partitions as fit into memory are one run. A partition that doesn't fit is alone, and has a
// run for each of its parts.
//
// The map outputs are read once for each part, and nothing is written: there is no file to lose or to
// clean up, no disk to be full, and a lost map output is what it always is. A word of another part
// costs about half of what a merged one does: 70 to 95 ns against 125 to 185, with reading, on a
// machine where Redis takes microseconds to store it. So up to some ten parts hardly show, and a
// partition has 8 MiB of input, or a 256th of it. Only a partition that is far larger than the memory
// pays: 64 parts, for 4 GiB of different words in one partition and 256 MiB. More partitions, or more
// memory, help then.
type totals struct {
	tasks []claim.Task // in the order of the partitions
	run   count.Ranking

	merger  *merger
	outputs shuffle.Run
	of      string     // the run of the job
	part    count.Part // of each partition: what is in run
	table   *count.Table
	room    int
}

// leastRoom has place for the longest words, whatever the memory.
const leastRoom = 12 << 20

// totals merges the first of some partitions, as many as fit into memory, into the first run. An error
// ends it, and is returned if nothing was merged before.
//
// Each partition is merged by itself, in a table small enough to stay in the CPU cache. The run takes
// a fifth of the room, because it is held twice while it grows, and the next table and what that adds
// must fit in beside it.
func (m *merger) totals(ctx context.Context, outputs shuffle.Run, of string, tasks []claim.Task, memory int64) (*totals, error) {
	whole := outputs.Partitioner(m.client.Job.Reducers).Whole()
	t := &totals{merger: m, outputs: outputs, of: of, part: whole, table: count.New(), room: max(room(memory), leastRoom)}
	for i, task := range tasks {
		if i == 0 {
			t.tasks = tasks[:1:1]
			if err := t.merge(ctx, whole); err != nil {
				return nil, err
			}
		} else {
			fits, err := m.merge(ctx, outputs, of, task.Number-1, whole, t.room-3*t.run.Bytes(), t.table)
			if err != nil || !fits {
				break
			}
			t.tasks = append(t.tasks, task)
			t.run.Add(t.table)
		}
		if !t.last() || 5*t.run.Bytes() > t.room {
			break
		}
	}
	t.run.Sort()
	slices.SortFunc(t.tasks, func(a, b claim.Task) int { return cmp.Compare(a.Number, b.Number) })
	return t, nil
}

// last reports whether the run is the last one.
func (t *totals) last() bool { return t.part.IsLast() }

// next merges the next run, in the place of the one before. Its errors are those of merger.merge.
func (t *totals) next(ctx context.Context) error { return t.merge(ctx, t.part.Next()) }

// merge merges a part into a run. If it doesn't fit, it is halved, and merging begins anew.
func (t *totals) merge(ctx context.Context, part count.Part) error {
	t.run.Reset()
	for {
		fits, err := t.merger.merge(ctx, t.outputs, t.of, t.tasks[0].Number-1, part, t.room, t.table)
		if err != nil {
			return err
		}
		if fits {
			break
		}
		half, ok := part.Half()
		if !ok {
			return errNoRoom
		}
		part = half
	}
	t.part = part
	collect()
	t.run.Add(t.table)
	t.run.Sort()
	return nil
}

// errNoRoom reports words that all lie in the same place of their partition and don't fit into memory.
var errNoRoom = errors.New("worker: a few words don't fit into memory")
