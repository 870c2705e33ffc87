package worker

import (
	"context"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/merge"
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
// if it isn't pending. insist makes a call until it is answered.
func (p publisher) publish(ctx context.Context, run string, t *merge.Totals, insist func(context.Context, func() error) error) (standings []string, err error) {
	file, err := p.write(t)
	if err != nil {
		return nil, err
	}
	p.faults.at(BeforeCommit)
	err = insist(ctx, func() (err error) {
		standings, err = p.client.StoreFiles(ctx, run, []protocol.ResultFile{protocol.ResultFile(file)})
		return err
	})
	if err != nil {
		return nil, err
	}
	if standings == nil {
		p.faults.at(AfterCommit)
	} else if !slices.Contains(standings, protocol.Settled) {
		// This call has acknowledged no task, so Redis can't name the file. If the task is settled, it may
		// be by this very call, whose answer was lost.
		t.Outputs.RemoveResult(file.Name)
	}
	return standings, nil
}

// write writes a result file. Its name is new each time, because a name must never mean two contents.
func (p publisher) write(t *merge.Totals) (file shuffle.ResultFile, err error) {
	out, err := t.Outputs.CreateResult(protocol.NewNonce(), t.Partitions[0], p.client.Job.Reducers)
	if err != nil {
		return file, err
	}
	return out.Fill(t.Words())
}
