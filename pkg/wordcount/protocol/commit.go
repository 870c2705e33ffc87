package protocol

import (
	"context"
	"net/url"
)

// CommitMax is how many tasks one commit may have. The library refuses more.
const CommitMax = 7500

// Commit is what a worker tells of the map tasks that it has counted together.
type Commit struct {
	Tasks  []int // numbers, ascending
	Tokens uint64
	Bytes  int64  // of input
	Output string // names the map output, which must be whole by now; without reducers, a nonce
	Host   string // that wrote it, for people
	Tally  Tally
	Words  []any // without reducers: word, count, word, count, …
}

// Commit acknowledges map tasks and names their output, as one step, if all of them are pending.
// Otherwise it does nothing, and returns where each task stands. A commit without an answer may be
// sent again.
func (c Client) Commit(ctx context.Context, run string, o Commit) (standings []string, err error) {
	adding := load{bytes: int64(len(o.Tasks))*taskOverhead + outputOverhead}
	adding.addWords(o.Words)
	if err := c.room(ctx, adding); err != nil {
		return nil, err
	}
	args := make([]any, 0, 7+len(o.Tasks)+len(o.Words))
	args = append(args, run, len(o.Tasks))
	for _, n := range o.Tasks {
		args = append(args, n)
	}
	args = append(append(args, o.Tokens, o.Bytes, o.Output, escapedHost(o.Host), o.Tally.String()), o.Words...)
	now, err := parseProgress(c.call(ctx, "commit", c.Job.Keys(), args...))
	return now.Standings, err
}

// escapedHost is the name of a host as the library keeps it: one word.
func escapedHost(host string) string {
	if host == "" {
		return "-"
	}
	return url.PathEscape(host)
}
