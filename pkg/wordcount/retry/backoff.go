package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Patience is how long Redis may stay away. A job that ends because of it can be resumed.
const Patience = 60 * time.Second

// How long a pause is.
const (
	Min      = 10 * time.Millisecond  // the first pause
	pauseMax = 250 * time.Millisecond // the longest
)

// ErrImpatient reports that something has been failing for longer than Patience.
var ErrImpatient = errors.New("no answer for " + Patience.String())

// Backoff spaces the tries at something that others must mend. The zero value is ready.
type Backoff struct {
	since time.Time     // of the first failure
	next  time.Duration // to wait
}

// Reset is for after a success.
func (b *Backoff) Reset() { *b = Backoff{} }

// Wait waits, longer each time. It returns early, and nil, if ctx ends, and ErrImpatient if it has
// gone on for longer than Patience.
func (b *Backoff) Wait(ctx context.Context) error {
	if b.since.IsZero() {
		b.since, b.next = time.Now(), Min
	}
	if time.Since(b.since) > Patience {
		return ErrImpatient
	}
	select {
	case <-ctx.Done():
	case <-time.After(b.next):
	}
	b.next = min(2*b.next, pauseMax)
	return nil
}

// Unreachable is the error of a job whose Redis stayed away for too long: it has the last error
// that was seen, if any, in one line.
func Unreachable(late, last error) error {
	if last == nil {
		return fmt.Errorf("%w: %w", protocol.ErrRedis, late)
	}
	return fmt.Errorf("%w: %w: %w", protocol.ErrRedis, late, last)
}
