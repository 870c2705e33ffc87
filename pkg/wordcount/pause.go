package wordcount

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// pause spaces tries at something that others must mend, and knows when to stop.
type pause struct {
	since time.Time     // of the first failure
	next  time.Duration // to wait
}

const (
	pauseMin = 10 * time.Millisecond
	pauseMax = 250 * time.Millisecond
)

// errImpatient: it has been failing for longer than Patience.
var errImpatient = errors.New("no answer for " + Patience.String())

func (p *pause) reset() { *p = pause{} }

// wait waits a little, longer each time; nil if ctx ends, errImpatient when it has gone on for too long.
func (p *pause) wait(ctx context.Context) error {
	if p.since.IsZero() {
		p.since, p.next = time.Now(), pauseMin
	}
	if time.Since(p.since) > Patience {
		return errImpatient
	}
	select {
	case <-ctx.Done():
	case <-time.After(p.next):
	}
	p.next = min(2*p.next, pauseMax)
	return nil
}

// Persist does something that may be done twice until Redis isn't in its way any more, for Patience at most, and revives
// the server before each further attempt. A failure that another attempt can't mend, or revive's, is returned at once.
func Persist(ctx context.Context, revive func(context.Context) error, do func() error) error {
	var nap pause
	for {
		err := do()
		if err == nil || !passing(classify(err)) {
			return err
		}
		if late := nap.wait(ctx); late != nil {
			return unreachable(late, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := revive(ctx); err != nil && !passing(classify(err)) {
			return err
		}
	}
}

// newNonce is a name that nothing else has.
func newNonce() string { return rand.Text()[:nonceLen] }

// nonceLen is how long a nonce is, in bytes. What rand.Text returns may become longer with another version of Go, and all
// workers of a job must find the nonces in front of partial counts.
const nonceLen = 26
