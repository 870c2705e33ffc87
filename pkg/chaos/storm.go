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

// Storm injects faults at random, and hits all victims independently. So a worker may be killed
// while the supervisor is dead and Redis is being restored.
type Storm struct {
	Every time.Duration // mean time between faults, if the job recovers from each in time
	Seed  uint64        // chooses the faults and the gaps between them
	// Outlived is called after the job has recovered from a fault, by one goroutine at a time.
	Outlived func(fault Fault, recovery time.Duration)
}

// Run injects faults until the job is over or end is closed. It always waits for a fault that has
// begun. The error is ErrOver if the job ended first, and nil if end was closed first. Each job of
// a storm has its own round, so that each job meets other faults.
func (s Storm) Run(ctx context.Context, a Attack, end <-chan struct{}, round uint64) error {
	a.Hasty, a.resuming = true, new(atomic.Bool)
	victims := map[Victim][]Fault{}
	for _, f := range FaultsOf(a.Plan.Job.Reducers > 0, a.Disk) {
		victims[f.Victim] = append(victims[f.Victim], f)
	}
	// After stop no new fault begins. Faults that have begun go on.
	injecting, stop := context.WithCancel(ctx)
	defer stop()
	var (
		lanes  sync.WaitGroup
		report sync.Mutex
		errs   []error
	)
	for victim, faults := range victims {
		dice := rand.New(rand.NewPCG(s.Seed, round<<8|uint64(victim)))
		lanes.Go(func() {
			// When a fault is due doesn't depend on how long the last one took. Otherwise faults
			// would be rarer than Every says.
			for due := time.Now(); injecting.Err() == nil; {
				due = due.Add(time.Duration(dice.ExpFloat64() * float64(s.Every) * float64(len(victims))))
				select {
				case <-end:
					return
				case <-injecting.Done():
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
	for _, err := range errs { // any other error matters more than ErrOver
		if !errors.Is(err, ErrOver) {
			return err
		}
	}
	return errors.Join(errs...)
}
