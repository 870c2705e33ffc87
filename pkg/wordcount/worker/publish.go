package worker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

// publisher writes the totals of partitions to result files, and names the files in Redis. It does so
// for a job that keeps N words in the sorted set.
type publisher struct {
	client protocol.Client
	faults Faults
}

// publish publishes the totals of one partition of a run. It returns where the partition's task stands
// if it isn't pending.
func (p publisher) publish(ctx context.Context, run string, t *totals) (standings []string, err error) {
	file, err := p.write(ctx, t)
	if err != nil {
		return nil, err
	}
	p.faults.at(BeforeCommit)
	standings, err = p.client.StoreFiles(ctx, run, []protocol.ResultFile{protocol.ResultFile(file)})
	if err != nil {
		return nil, err
	}
	if standings == nil {
		p.faults.at(AfterCommit)
	} else if !slices.Contains(standings, protocol.Settled) {
		// No state of the job has the file. If the task is settled, it may be by this very call, whose
		// answer was lost.
		t.outputs.RemoveResult(file.Name)
	}
	return standings, nil
}

// write writes a result file. Totals that don't fit into memory are several sorted runs. Each of them
// is written to a file first, and then they are merged.
func (p publisher) write(ctx context.Context, t *totals) (shuffle.ResultFile, error) {
	if t.last() {
		return p.writeFile(t, t.run.All())
	}
	var runs []shuffle.ResultFile
	defer func() {
		for _, run := range runs {
			t.outputs.RemoveResult(run.Name)
		}
	}()
	for {
		run, err := p.writeFile(t, t.run.All())
		if err != nil {
			return run, err
		}
		runs = append(runs, run)
		if t.last() {
			break
		}
		if err := t.next(ctx); err != nil {
			return run, err
		}
	}
	return p.mergeRuns(t, runs)
}

// mergeRuns merges the files of sorted runs into one. A run that is lost is nothing that counts, so it is
// the host's error.
func (p publisher) mergeRuns(t *totals, runs []shuffle.ResultFile) (shuffle.ResultFile, error) {
	file, err := p.writeFile(t, t.outputs.Merged(runs, p.client.Job.Reducers))
	if errors.Is(err, shuffle.ErrLostResult) {
		err = fmt.Errorf("%w: %w", shuffle.ErrHost, err)
	}
	return file, err
}

// writeFile writes words to a file. Its name is new each time, because a name must never mean two
// contents.
func (p publisher) writeFile(t *totals, words iter.Seq2[count.Entry, error]) (file shuffle.ResultFile, err error) {
	out, err := t.outputs.CreateResult(protocol.NewNonce(), t.tasks[0].Number-1, p.client.Job.Reducers)
	if err != nil {
		return file, err
	}
	defer out.Abort() // does nothing after Finish
	for e, err := range words {
		if err == nil {
			err = out.Add(e)
		}
		if err != nil {
			return file, err
		}
	}
	return out.Finish()
}
