package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Storm is faults at random, of all victims at once: a worker may be killed while the supervisor is dead and Redis is
// being restored.
type Storm struct {
	Every time.Duration // a fault comes about so often, if the ones before it are outlived in time
	Seed  uint64        // chooses the faults and the gaps between them
	// Outlived is called after each fault, by one goroutine at a time.
	Outlived func(fault Fault, recovery time.Duration)
}

// Run injects faults until the job is over or end is closed; a fault that has begun is always seen through. The error
// is ErrOver if the job ended first, nil if the time did. Round tells the jobs of one storm apart: each has other faults.
func (s Storm) Run(ctx context.Context, a Attack, end <-chan struct{}, round uint64) error {
	a.Hasty, a.resuming = true, new(atomic.Bool)
	victims := map[Victim][]Fault{}
	for _, f := range Faults {
		victims[f.Victim] = append(victims[f.Victim], f)
	}
	calm, stop := context.WithCancel(ctx) // no fault begins any more; those that have begun go on
	defer stop()
	var (
		lanes  sync.WaitGroup
		report sync.Mutex
		errs   []error
	)
	for victim, faults := range victims {
		dice := rand.New(rand.NewPCG(s.Seed, round<<8|uint64(victim)))
		lanes.Go(func() {
			// The next one is due when it is, however long the last one took: else they would come ever less often.
			for due := time.Now(); calm.Err() == nil; {
				due = due.Add(time.Duration(dice.ExpFloat64() * float64(s.Every) * float64(len(victims))))
				select {
				case <-end:
					return
				case <-calm.Done():
					return
				case <-time.After(time.Until(due)):
				}
				fault := faults[dice.IntN(len(faults))]
				recovery, err := fault.Inject(a, ctx)
				report.Lock()
				if err == nil {
					s.Outlived(fault, recovery)
				} else {
					errs = append(errs, fmt.Errorf("%s: %w", fault.Name, err))
					stop()
				}
				report.Unlock()
			}
		})
	}
	lanes.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, err := range errs { // what is wrong counts for more than that the job is over
		if !errors.Is(err, ErrOver) {
			return err
		}
	}
	return errors.Join(errs...)
}
