package worker

import (
	"context"
	"log/slog"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/combine"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// committer sends the commits of a worker, one at a time, while the worker continues to count.
type committer struct {
	client  protocol.Client
	faults  Faults
	host    string
	journal *event.Journal

	sent   *sending // sent, and not answered yet; nil: nothing
	resend bool     // the last try got no answer: send it again before anything else

	refused int // commits in a row
}

// sending is a commit that was sent.
type sending struct {
	run    string
	held   []claim.Task // in the order of commit.Tasks
	commit protocol.Commit

	answered  chan struct{} // closed at the end of a try
	standings []string      // like err, valid after answered is closed
	err       error
}

// send ends the output of a combiner, starts to send its commit, and doesn't wait for the answer.
// The caller empties the combiner.
func (c *committer) send(ctx context.Context, run string, from *combine.Combiner) error {
	commit, err := from.Output()
	if err != nil {
		return err
	}
	commit.Host = c.host
	c.journal.Write(event.Send, slog.String("output", commit.Output), slog.String("tasks", event.Ranges(commit.Tasks)),
		slog.Int64("bytes", commit.Bytes), slog.Uint64("words", commit.Tokens))
	c.sent = &sending{run: run, held: from.Held(), commit: commit}
	c.begin(ctx)
	return nil
}

// begin starts one try to send c.sent. A commit that is sent again has the same name, so that it is
// done once.
func (c *committer) begin(ctx context.Context) {
	c.faults.at(BeforeCommit)
	s := c.sent
	s.answered = make(chan struct{})
	go func() {
		defer close(s.answered)
		s.standings, s.err = c.client.Commit(ctx, s.run, s.commit)
	}()
}

// answered reports whether await has something to do now: there is an answer, or the commit must be
// sent again because there was none.
func (c *committer) answered() bool {
	if c.sent == nil || c.resend {
		return c.resend
	}
	select {
	case <-c.sent.answered:
		return true
	default:
		return false
	}
}

// await waits for the answer to the commit that was sent, and returns that commit. It returns nil
// if nothing was sent. Any answer completes the commit. Without an answer the commit is kept, and
// the next await sends it again.
func (c *committer) await(ctx context.Context) (*sending, error) {
	s := c.sent
	if s == nil {
		return nil, nil
	}
	if c.resend {
		c.resend = false
		c.begin(ctx)
	}
	<-s.answered
	if s.err != nil {
		c.resend = true
		return nil, s.err
	}
	c.faults.at(AfterCommit)
	if c.refused++; s.standings == nil {
		c.refused = 0
	}
	c.sent = nil
	return s, nil
}

// abandon waits until no try is under way, and forgets the commit that was sent.
func (c *committer) abandon() {
	if c.sent != nil {
		<-c.sent.answered
		c.sent, c.resend = nil, false
	}
}
