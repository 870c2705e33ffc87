package supervisor

import (
	"context"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// weighEvery is the time between two checks of the memory of a job that has a budget.
const weighEvery = 2 * time.Second

// ErrBudget reports that a job takes more memory of a given server than its budget allows. The next
// run resumes if it has a larger budget.
var ErrBudget = protocol.ErrBudget

// budget ends a job that takes more memory than the owner of a server allows. The calls that add to
// the job don't exceed it by much: see protocol.Budget. It belongs to the goroutine of the watch, which
// also seals.
type budget struct {
	client protocol.Client
	events event.Receiver

	weighed time.Time // when the memory of the job was last checked
	blind   bool      // people were told that the memory can't be seen
}

// check returns an error that wraps ErrBudget if the job's keys take more memory than the budget.
// The keys stay, so the next run resumes if it has a larger budget.
func (b *budget) check(ctx context.Context) error {
	if b.client.Budget.Bytes <= 0 || time.Since(b.weighed) < weighEvery {
		return nil
	}
	b.weighed = time.Now()
	used, err := b.client.Weigh(ctx)
	if err != nil {
		if !protocol.Transient(err) && !b.blind {
			b.events.Warn("can't see how much memory the job takes, so its budget isn't kept: %v", err)
			b.blind = true
		}
		return nil // if Redis is in trouble, the watch notices
	}
	return b.client.Budget.Exceeded(used)
}

// checkNow is check, whenever the last one was.
func (b *budget) checkNow(ctx context.Context) error {
	b.weighed = time.Time{}
	return b.check(ctx)
}
