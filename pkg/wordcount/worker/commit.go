package worker

import (
	"cmp"
	"context"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// commitBytes is how much one call of a commit uploads, in bytes: it holds the server's only thread for 4 to 5 ms a MiB,
// because what passes through Lua is copied three times, into fresh memory each time. What a partition gets is never
// cut; partitionBytes keeps that short.
const commitBytes = 4 << 20

// committer sends a worker's commits, one at a time, while the worker counts on.
type committer struct {
	client    protocol.Client
	faults    Faults
	callBytes int // in one call

	sent   *sending // sent, and not answered yet
	resend bool     // the last try got no answer: send it again before anything else
}

// sending is a commit that is on its way.
type sending struct {
	run    string
	held   []task // by number
	tokens uint64
	bytes  int64 // of input
	effect protocol.Output

	answered  chan struct{}
	standings []string // read after answered, as err
	err       error
}

// send sends what a combiner holds. It leaves the combiner as it is.
func (c *committer) send(ctx context.Context, run string, from *combiner) {
	slices.SortFunc(from.held, func(a, b task) int { return cmp.Compare(a.Number, b.Number) })
	s := &sending{run: run, held: from.held, tokens: from.tokens, effect: from.output()}
	for _, t := range s.held {
		s.bytes += t.split.Bytes()
	}
	c.sent = s
	c.begin(ctx)
}

// begin begins a try at what is to be sent.
func (c *committer) begin(ctx context.Context) {
	c.faults.at(BeforeCommit)
	s := c.sent
	s.answered = make(chan struct{})
	go func() {
		defer close(s.answered)
		s.standings, s.err = c.upload(ctx, s)
	}()
}

// upload commits in as many calls as it takes. It returns the tasks' standings if the commit was refused.
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
		from = min(now.Offset, len(s.effect.Partitions)) // less than before if a rollback took something back
	}
}

// answered reports whether await has something to do that takes no time: there is an answer, or there will be none.
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

// await waits for the answer to what was sent, if anything was, and returns it. Any answer completes the commit. Without
// one the commit is kept, and the next await sends it again.
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

// abandon forgets what was sent, once nothing of it is under way any more.
func (c *committer) abandon() {
	if c.sent != nil {
		<-c.sent.answered
		c.sent, c.resend = nil, false
	}
}
