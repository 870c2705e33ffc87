package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
)

// Tally is what came of a storm.
type Tally struct {
	Outlived map[string]int // how often jobs recovered from each fault, by the fault's name
	Sealed   int            // jobs that were sealed with an exact result
	// Calls is how many calls of those jobs were checked, if they have histories. Undecided is how
	// many of the histories could not be decided in time; all others are allowed.
	Calls, Undecided int
}

// Storm injects faults at random for a time, into one job after the other. It judges the result of
// each job, and checks its history. The first job runs already. The tally is right even if there
// is an error. Storm sets storm.Outlived.
func (e *Experiment) Storm(ctx context.Context, storm chaos.Storm, length time.Duration) (Tally, error) {
	tally := Tally{Outlived: map[string]int{}}
	storm.Outlived = func(fault chaos.Fault, recovery time.Duration) {
		tally.Outlived[fault.Name]++
		e.Say("%s is outlived, after %s", fault.Name, recovery.Round(time.Millisecond))
	}
	var truth Truth // the texts are the same for each job
	end := make(chan struct{})
	defer time.AfterFunc(length, func() { close(end) }).Stop()
	for over := false; !over; {
		a, err := e.attacker(ctx)
		if err != nil {
			return tally, err
		}
		err = storm.Run(ctx, a, end, uint64(tally.Sealed))
		if over = err == nil; !over && !errors.Is(err, chaos.ErrOver) {
			return tally, err
		}
		if err := e.Judge(ctx, &truth); err != nil {
			return tally, err
		}
		tally.Sealed++
		verdict, err := e.Histories.check(e.Say)
		if err != nil {
			return tally, err
		}
		if verdict.Calls > 0 {
			e.Say("history of job %d: %v", tally.Sealed, verdict)
		}
		if tally.Calls += verdict.Calls; len(verdict.Undecided) > 0 {
			tally.Undecided++
		}
		if !over {
			if err := e.Start(ctx); err != nil {
				return tally, err
			}
		}
	}
	return tally, nil
}

// Truth is what each result of a storm is compared with.
type Truth struct {
	counts recount.Counts    // a recount
	first  *wordcount.Result // whose tally of records the recount has confirmed
}

// Judge waits for the job's result after the last fault, and compares it with the truth. The first
// call finds the truth, by a recount. If the last fault has taken the result away again, Judge runs the
// job once more.
func (e *Experiment) Judge(ctx context.Context, truth *Truth) error {
	for {
		a, err := e.attacker(ctx)
		if err == nil {
			_, err = a.AwaitSeal(ctx)
		}
		if err != nil {
			return err
		}
		e.End()
		// The last fault may have killed Redis after the supervisor had ended.
		if err := e.ping(ctx); err != nil {
			return err
		}
		r, err := e.Job.Result(ctx)
		if err != nil {
			return err
		}
		if truth.first == nil {
			if truth.counts, err = e.Recount(ctx, r); err != nil {
				return err
			}
			truth.first = r
		}
		if r.Tally != truth.first.Tally {
			return fmt.Errorf("%w: of its records the result says %s, and that of an earlier job %s: please report this",
				wordcount.ErrDifferent, r.Tally, truth.first.Tally)
		}
		err = e.Compare(ctx, maps.Clone(truth.counts), r)
		if !errors.Is(err, wordcount.ErrNoResult) {
			return err
		}
		// The last fault may also have rolled Redis back to a moment before the seal. Another run
		// of the job restores the result.
		e.Note("the result was rolled back: running the job again")
		p, err := e.launch()
		if err != nil {
			return err
		}
		select {
		case <-p.ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !p.cmd.ProcessState.Success() {
			return fmt.Errorf("%w: the job whose result was rolled back could not be run again", wordcount.ErrIncomplete)
		}
	}
}
