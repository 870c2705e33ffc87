package worker

import (
	"context"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// publish writes the totals of a partition to a result file, and names the file in Redis. It does so
// for a job that keeps N words in the sorted set.
func (w *Worker) publish(ctx context.Context, task claim.Task, ranking count.Ranking) error {
	file, err := w.writeResult(task.Number-1, ranking.Descending())
	if err != nil {
		return err
	}
	w.absence.Reset()
	w.spec.Faults.at(BeforeCommit)
	standings, err := w.client.StoreFiles(ctx, w.run, []protocol.ResultFile{file})
	if err != nil {
		return err
	}
	if standings == nil {
		w.spec.Faults.at(AfterCommit)
		w.leases.Done(task.TaskID, 0)
	} else if !slices.Contains(standings, protocol.Settled) {
		// No state of the job has the file. If the task is settled, it may be by this very call, whose
		// answer was lost.
		w.outputs.RemoveResult(file.Name)
	}
	w.settle([]claim.Task{task}, standings)
	return nil
}

// writeResult writes a result file. Its name is new each time, because a name must never mean two
// contents.
func (w *Worker) writeResult(partition int, words []count.Entry) (file protocol.ResultFile, err error) {
	out, err := w.outputs.CreateResult(protocol.NewNonce(), partition, w.spec.Job.Reducers)
	if err != nil {
		return file, err
	}
	defer out.Abort() // does nothing after Finish
	for _, e := range words {
		if err := out.Add(e); err != nil {
			return file, err
		}
	}
	written, err := out.Finish()
	return protocol.ResultFile(written), err
}
