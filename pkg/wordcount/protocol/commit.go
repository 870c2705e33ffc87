package protocol

import (
	"context"
)

// CommitMax is how many tasks one commit may have. The library refuses more.
const CommitMax = 7500

// Output is what one commit adds to a job.
type Output struct {
	Nonce      string   // names the output
	Words      []any    // without reducers: word, count, word, count, …
	Partitions [][]byte // with reducers: for each partition the nonce and a frame, or nothing
}

// Commit acknowledges map tasks and applies their output, as one step, if all of them are pending.
// Otherwise it does nothing, and Progress has the standings. The tasks must be in ascending order.
//
// With reducers, a large output may take several calls. Each uploads the partitions [from, to), and
// the call that uploads the last partition acknowledges the tasks. Until then, what was uploaded
// counts for nothing.
func (c Client) Commit(ctx context.Context, run string, tasks []int, tokens uint64, bytes int64, o Output, from, to int) (Progress, error) {
	adding := load{bytes: int64(len(tasks)) * taskOverhead}
	adding.addWords(o.Words)
	if c.Job.Reducers > 0 {
		for _, partial := range o.Partitions[from:to] {
			adding.addBlob(partial)
		}
	}
	if err := c.room(ctx, adding); err != nil {
		return Progress{}, err
	}
	args := make([]any, 0, 6+len(tasks)+len(o.Words)+to-from)
	args = append(args, run, len(tasks))
	for _, n := range tasks {
		args = append(args, n)
	}
	args = append(append(args, tokens, bytes, o.Nonce), o.Words...)
	if c.Job.Reducers > 0 {
		args = append(args, from)
		for _, partial := range o.Partitions[from:to] {
			args = append(args, partial)
		}
	}
	return parseProgress(c.call(ctx, "commit", c.Job.Keys(), args...))
}
