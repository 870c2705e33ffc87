package worker

import (
	"cmp"
	"context"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// commitBytes is how much one call of a commit uploads, in bytes. A call blocks the server's only
// thread for 4 to 5 ms per MiB, because what passes through Lua is copied three times, into fresh
// memory each time. One call carries the whole of a partition, which stays short because plan gives
// each partition only 8 MiB of input.
const commitBytes = 4 << 20

// committer sends the commits of a worker, one at a time, while the worker continues to count.
type committer struct {
	client    protocol.Client
	faults    Faults
	callBytes int // bytes in one call

	sent   *sending // sent, and not answered yet; nil: nothing
	resend bool     // the last try got no answer: send it again before anything else
}

// sending is a commit that was sent.
type sending struct {
	run    string
	held   []claim.Task // sorted by number
	tokens uint64
	bytes  int64 // of input
	effect protocol.Output

	answered  chan struct{} // closed at the end of a try
	standings []string      // like err, valid after answered is closed
	err       error
}

// send starts to send what a combiner holds, and doesn't wait for the answer. The caller empties
// the combiner.
func (c *committer) send(ctx context.Context, run string, from *combiner) {
	slices.SortFunc(from.held, func(a, b claim.Task) int { return cmp.Compare(a.Number, b.Number) })
	s := &sending{run: run, held: from.held, tokens: from.tokens, effect: from.output()}
	for _, t := range s.held {
		s.bytes += t.Split.Bytes()
	}
	c.sent = s
	c.begin(ctx)
}

// begin starts one try to send c.sent.
func (c *committer) begin(ctx context.Context) {
	c.faults.at(BeforeCommit)
	s := c.sent
	s.answered = make(chan struct{})
	go func() {
		defer close(s.answered)
		s.standings, s.err = c.upload(ctx, s)
	}()
}

// upload commits in as many calls as necessary. It returns the standings of the tasks if the commit
// was refused.
func (c *committer) upload(ctx context.Context, s *sending) (standings []string, err error) {
	tasks := make([]int, len(s.held))
	for i, t := range s.held {
		tasks[i] = t.Number
	}
	for from := 0; ; {
		to, size := from, 0
		for to < len(s.effect.Partitions) {
			size += len(s.effect.Partitions[to])
			if to++; size >= c.callBytes {
				break
			}
		}
		now, err := c.client.Commit(ctx, s.run, tasks, s.tokens, s.bytes, s.effect, from, to)
		if err != nil || now.Done || now.Standings != nil {
			return now.Standings, err
		}
		from = min(now.Offset, len(s.effect.Partitions)) // a rollback may have lowered it
	}
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
