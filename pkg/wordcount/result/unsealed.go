package result

import (
	"context"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/redis/go-redis/v9"
)

// Unsealed returns what has been committed so far, by descending count, and how many map tasks that
// lacks. It is no result: tasks are missing, and a map output that can't be read is left out. All
// words must fit into memory. open opens the store of a run; it isn't called without reducers.
func Unsealed(ctx context.Context, rdb redis.UniversalClient, job protocol.Job, open func(ctx context.Context, run string) (*shuffle.Store, error)) (words []count.Entry, missing int, err error) {
	outputs, meta, err := protocol.OutputsSoFar(ctx, rdb, job)
	if err != nil {
		return nil, 0, err
	}
	table, done := count.New(), 0
	switch all := job.Reducers == 0 || meta["phase"] == string(protocol.Done); {
	case !all:
		done, err = addOutputs(ctx, job, meta["run"], outputs, open, table)
	case job.Keep > 0:
		err = addResults(ctx, rdb, job, meta["run"], open, table)
		done = protocol.Number(meta["mapped"])
	default:
		err = addTotals(ctx, rdb, job, table)
		done = protocol.Number(meta["mapped"])
	}
	if err != nil {
		return nil, 0, err
	}
	return table.Descending(), protocol.Number(meta["maps"]) - done, nil
}

// addTotals adds up the sorted set.
func addTotals(ctx context.Context, rdb redis.UniversalClient, job protocol.Job, table *count.Table) error {
	totals, err := rdb.ZRangeWithScores(ctx, job.Key("counts"), 0, -1).Result()
	if err != nil {
		return protocol.Classify(err)
	}
	for _, z := range totals {
		word := []byte(z.Member.(string))
		if len(word) == 0 || len(word) > count.MaxWord || !(z.Score >= 0 && z.Score <= protocol.MaxCount) {
			return fmt.Errorf("%w: %v times a word of %d bytes: somebody else wrote it", protocol.ErrState, z.Score, len(word))
		}
		table.Add(word, uint64(z.Score))
	}
	return nil
}

// addResults adds up the result files.
func addResults(ctx context.Context, rdb redis.UniversalClient, job protocol.Job, run string, open func(ctx context.Context, run string) (*shuffle.Store, error), table *count.Table) error {
	files, _, err := protocol.Client{Redis: rdb, Job: job}.Results(ctx, run)
	if err != nil {
		return err
	}
	for e, err := range merged(ctx, job.ID, run, files, open) {
		if err != nil {
			return err
		}
		table.Add([]byte(e.Word), e.N)
	}
	return nil
}

// addOutputs adds up the map outputs that can be read, and returns how many tasks are in them. It
// never looks at the sorted set: stored partitions have all maps, and the other partitions don't.
func addOutputs(ctx context.Context, job protocol.Job, of string, outputs []protocol.Output, open func(ctx context.Context, run string) (*shuffle.Store, error), table *count.Table) (tasks int, err error) {
	store, err := open(ctx, of)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	run, err := store.Run(job.ID, of)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", protocol.ErrState, err)
	}
	var reader shuffle.Reader
	for _, o := range outputs {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		// What is read before an error must not be in the table.
		if readOutput(run, o.Name, job.Reducers, &reader, func(count.Step) {}) != nil ||
			readOutput(run, o.Name, job.Reducers, &reader, table.MergeStep) != nil {
			continue
		}
		tasks += o.Number()
	}
	return tasks, nil
}

func readOutput(run shuffle.Run, name string, partitions int, reader *shuffle.Reader, add func(count.Step)) error {
	o, err := run.Open(name, partitions)
	if err != nil {
		return err
	}
	defer o.Close()
	for step, err := range reader.Partitions(o, 0, partitions) {
		if err != nil {
			return err
		}
		add(step)
	}
	return nil
}
