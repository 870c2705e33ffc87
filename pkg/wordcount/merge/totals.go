package merge

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

// Totals are the totals of some partitions, in one order. Redis takes two to five times as long for
// words that come in several sequences, each from the top, so all of a worker's partitions are one.
//
// They are merged partition by partition, each in a table small enough to stay in the CPU cache, into a
// sorted run. A run that is full is spilled to a file, and at the end the runs are merged (an external
// merge sort: Knuth, "The Art of Computer Programming", vol. 3, 5.4). A run that is lost is nothing that
// counts: the partitions are merged anew.
//
// A partition that doesn't fit into memory is merged in parts of its hash. The map outputs are read once
// for each part. A word of another part costs about half of what a merged one does: 70 to 95 ns against
// 125 to 185, with reading, on a machine where Redis takes microseconds to store it. So up to some ten
// parts hardly show. Only a partition that is far larger than the memory pays: 64 parts, for 4 GiB of
// different words in one partition and 256 MiB of memory. More partitions, or more memory, help then.
type Totals struct {
	Partitions []int       // ascending
	Tokens     uint64      // the sum of the counts
	Outputs    shuffle.Run // that they are merged of

	merger  *Merger
	of      string // the run of the job
	whole   count.Part
	table   *count.Table
	run     count.Ranking        // what is merged and not spilled, in order at the end
	spilled []shuffle.ResultFile // runs; if there is one, all are in files at the end
	room    int
	each    int  // bytes of the table that the last partition took
	alone   bool // several partitions didn't fit
}

const (
	// leastRoom has place for the longest words, whatever the memory.
	leastRoom = 12 << 20
	// runsMax is how many spilled runs are read side by side. Each takes a block of memory: 32 KiB and
	// one word, which may have a MiB, and as much again while it is read.
	runsMax = 16
)

// errTooMany reports partitions that don't fit into memory together.
var errTooMany = errors.New("merge: partitions don't fit into memory together")

// errNoRoom reports words that all lie in the same place of their partition and don't fit into memory.
var errNoRoom = errors.New("merge: a few words don't fit into memory")

// Totals merges some partitions of the run of a job. An error ends the merge. Totals returns the error,
// unless whole partitions were merged before it, and nothing of the partition that met it: then it
// returns the whole ones. The caller calls Discard in any case. The error is a *LostError, the host's
// error shuffle.ErrHost, protocol.ErrPhase if maps are missing, or an error of Redis.
func (m *Merger) Totals(ctx context.Context, outputs shuffle.Run, of string, partitions []int) (*Totals, error) {
	t := &Totals{
		Outputs: outputs, merger: m, of: of, whole: outputs.Partitioner(m.client.Job.Reducers).Whole(),
		table: count.New(), room: m.room,
	}
	left := slices.Sorted(slices.Values(partitions))
	for len(left) > 0 {
		some := t.next(left)
		tokens, err := t.add(ctx, some)
		if errors.Is(err, errTooMany) {
			t.alone = true
			continue
		}
		if err != nil && (len(t.Partitions) == 0 || tokens > 0) {
			return t, err
		}
		if err != nil {
			break
		}
		t.Partitions, t.Tokens, left = append(t.Partitions, left[:some.size()]...), t.Tokens+tokens, left[some.size():]
	}
	t.table = nil
	if len(t.spilled) > 0 {
		return t, t.spill()
	}
	t.run.Sort()
	return t, nil
}

// next returns which of the partitions that are left are merged next. Partitions are parts of a hash, so
// all are about as large as the one before.
func (t *Totals) next(left []int) span {
	s := span{left[0], left[0] + 1}
	if !t.merger.together || t.alone || len(t.Partitions) == 0 {
		return s
	}
	fit := (t.room - 3*t.run.Bytes()) / 2 / max(1, t.each)
	for s.size() < len(left) && left[s.size()] == s.end && s.size() < fit {
		s.end++
	}
	return s
}

// add merges some partitions into the run, and returns how many words it has added. It may merge a
// single partition in parts. After an error none of the partitions may be stored.
//
// The run takes a fifth of the room, because it is held twice while it grows, and the next table and
// what that adds must fit in beside it.
func (t *Totals) add(ctx context.Context, partitions span) (tokens uint64, err error) {
	for part := t.whole; ; part = part.Next() {
		if part, err = t.merge(ctx, partitions, part); err != nil {
			return tokens, err
		}
		t.each = t.table.Bytes() / partitions.size()
		if 5*t.table.Bytes() > t.room {
			memory.Collect()
		}
		tokens += t.table.Tokens()
		t.run.Add(t.table)
		if 5*t.run.Bytes() > t.room {
			if err := t.spill(); err != nil {
				return tokens, err
			}
		}
		if part.IsLast() {
			return tokens, nil
		}
	}
}

// merge merges a part of some partitions into the table, and returns the part. If the part doesn't fit
// beside the run, it gets the room of the run, too. If that isn't enough, it is halved. Merging begins
// anew each time. Several partitions that don't fit are errTooMany.
func (t *Totals) merge(ctx context.Context, partitions span, part count.Part) (count.Part, error) {
	for {
		fits, err := t.merger.merge(ctx, t.Outputs, t.of, partitions, part, t.room-3*t.run.Bytes(), t.table)
		if fits || err != nil {
			return part, err
		}
		if partitions.size() > 1 {
			return part, errTooMany
		}
		if t.run.Len() > 0 {
			if err := t.spill(); err != nil {
				return part, err
			}
			continue
		}
		half, ok := part.Half()
		if !ok {
			return part, errNoRoom
		}
		part = half
	}
}

// spill writes the run to a file, and frees its memory and that of the table, whose words are in the
// run or are merged anew. If there are too many files, the first ones become one.
func (t *Totals) spill() error {
	if t.run.Len() == 0 {
		return nil
	}
	t.run.Sort()
	if err := t.write(t.run.All()); err != nil {
		return err
	}
	t.run, t.table = count.Ranking{}, count.New()
	memory.Collect()
	if len(t.spilled) <= runsMax {
		return nil
	}
	runs := t.spilled
	t.spilled = nil
	if err := t.write(t.merged(runs[:runsMax])); err != nil {
		t.spilled = runs
		return err
	}
	t.spilled = append(t.spilled, runs[runsMax:]...)
	t.remove(runs[:runsMax])
	return nil
}

func (t *Totals) write(words iter.Seq2[count.Entry, error]) error {
	out, err := t.Outputs.CreateSorted(protocol.NewNonce(), t.merger.client.Job.Reducers)
	if err != nil {
		return err
	}
	file, err := out.Fill(words)
	if err == nil {
		t.spilled = append(t.spilled, file)
	}
	return err
}

// Words yields all words with their counts, in the order of count.Entry.Before.
func (t *Totals) Words() iter.Seq2[count.Entry, error] {
	if len(t.spilled) == 0 {
		return t.run.All()
	}
	return t.merged(t.spilled)
}

// merged yields the words of runs. A run that is lost is the host's error.
func (t *Totals) merged(runs []shuffle.ResultFile) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		for e, err := range t.Outputs.Sorted(runs, t.merger.client.Job.Reducers) {
			if errors.Is(err, shuffle.ErrLostResult) {
				err = fmt.Errorf("%w: %w", shuffle.ErrHost, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Discard deletes what was spilled. What it can't delete goes with the map outputs.
func (t *Totals) Discard() { t.remove(t.spilled) }

func (t *Totals) remove(runs []shuffle.ResultFile) {
	for _, run := range runs {
		t.Outputs.Remove(run.Name)
	}
}
