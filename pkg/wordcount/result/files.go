package result

import (
	"context"
	"fmt"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

// inFiles yields the words of the result files. It takes one block of each file into memory: 32
// KiB and one word.
func (r Result) inFiles(ctx context.Context) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		files, err := protocol.Client{Redis: r.Redis, Job: r.Job}.FencedResults(ctx, r.Fence)
		if err != nil {
			yield(count.Entry{}, gone(err))
			return
		}
		for e, err := range merged(ctx, r.Job.ID, r.Run, files, r.Store) {
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%w: %w", protocol.ErrNoResult, err)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// merged yields the words of the result files of a run. It ends with the cause if ctx ends.
func merged(ctx context.Context, job, of string, files []protocol.ResultFile, open func(ctx context.Context, run string) (*shuffle.Store, error)) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		store, err := open(ctx, of)
		if err != nil {
			yield(count.Entry{}, err)
			return
		}
		defer store.Close()
		run, err := store.Run(job, of)
		if err != nil {
			yield(count.Entry{}, err)
			return
		}
		named := make([]shuffle.ResultFile, len(files))
		for i, f := range files {
			named[i] = shuffle.ResultFile(f)
		}
		for e, err := range run.Words(named) {
			if ctx.Err() != nil {
				e, err = count.Entry{}, context.Cause(ctx)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
