package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Outcome is what a fault cost a job.
type Outcome struct {
	Fault    chaos.Fault
	Recovery time.Duration
	Redone   int   // tasks
	Err      error // nil if the result is exact; otherwise Recovery and Redone are 0
}

// Try injects a fault into the job that runs, and judges the result.
func (e *Experiment) Try(ctx context.Context, fault chaos.Fault) error {
	_, r, err := e.sealed(ctx, fault)
	if err != nil {
		return err
	}
	e.Say("sealed: %s %s redone, none counted twice", humanize.Comma(int64(r.Redone)), english.PluralWord(r.Redone, "task", ""))
	return e.verify(ctx, r)
}

// Each tries the faults, one after the other, and starts the job anew for each but the first. It
// returns an outcome for each fault, even if one fails. If ctx ends, the outcomes before that stay.
// The error is that of the first fault that failed, but an ErrDifferent wins over other errors.
func (e *Experiment) Each(ctx context.Context, faults []chaos.Fault) ([]Outcome, error) {
	first := true
	return each(ctx, faults, func(fault chaos.Fault) (Outcome, error) {
		e.Note("— %s", fault.Name)
		if !first {
			e.End()
			// The previous fault may have left Redis dead.
			if err := e.ping(ctx); err != nil {
				return Outcome{}, err
			}
			if err := e.Start(ctx); err != nil {
				return Outcome{}, err
			}
		}
		first = false
		recovery, r, err := e.sealed(ctx, fault)
		if err != nil {
			return Outcome{}, err
		}
		return Outcome{Recovery: recovery, Redone: r.Redone}, e.verify(ctx, r)
	})
}

// each is Each with a function that tries one fault.
func each(ctx context.Context, faults []chaos.Fault, try func(chaos.Fault) (Outcome, error)) (outcomes []Outcome, worst error) {
	failed := 0
	for _, fault := range faults {
		o, err := try(fault)
		if ctx.Err() != nil {
			return outcomes, context.Cause(ctx)
		}
		if err != nil {
			o = Outcome{Err: err}
			failed++
			if worst == nil || errors.Is(err, wordcount.ErrDifferent) && !errors.Is(worst, wordcount.ErrDifferent) {
				worst = fmt.Errorf("%s: %w", fault.Name, err)
			}
		}
		o.Fault = fault
		outcomes = append(outcomes, o)
	}
	if failed > 1 {
		worst = fmt.Errorf("%d faults were not exact; %w", failed, worst)
	}
	return outcomes, worst
}

// sealed injects a fault, and returns the result of the job.
func (e *Experiment) sealed(ctx context.Context, fault chaos.Fault) (recovery time.Duration, r *wordcount.Result, err error) {
	if recovery, err = e.Attack(ctx, fault); err != nil {
		return 0, nil, err
	}
	r, err = e.Job.Result(ctx)
	return recovery, r, err
}

// verify compares a result with a recount.
func (e *Experiment) verify(ctx context.Context, r *wordcount.Result) error {
	truth, err := e.Recount(ctx, r)
	if err != nil {
		return err
	}
	return e.Compare(ctx, truth, r)
}

// ping makes sure that the job's server answers. If the server is dead, ping starts it again.
func (e *Experiment) ping(ctx context.Context) error {
	rdb, _, err := e.Job.Redis(ctx)
	if err != nil {
		return err
	}
	return e.Job.Do(ctx, func() error { return rdb.Ping(ctx).Err() })
}
