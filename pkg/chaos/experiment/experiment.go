package experiment

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
)

// Experiment is a job to break, and what only the program that runs the job can do. It is for one
// goroutine.
type Experiment struct {
	Job *wordcount.Job // has its plan; Start makes it anew
	// Disk is the small disk on which the job has its map outputs. It may be nil.
	Disk *chaos.Disk
	// Command returns a command that runs the planned job.
	Command func() (*exec.Cmd, error)
	// Say prints a line of the outcome, Note one about an event, and Cleaned one about a job that
	// was deleted.
	Say, Note func(format string, args ...any)
	Cleaned   func(job string, keys int)
	// Show prints lines with the job's keys, before and after Redis was killed. It may be nil.
	Show func(line string)
	// Recount counts the input of a result again.
	Recount func(context.Context, *wordcount.Result) (recount.Counts, error)
	// Compare compares a recount with a result, and consumes the recount. The error wraps
	// ErrDifferent if they differ.
	Compare func(context.Context, recount.Counts, *wordcount.Result) error
	// Histories records the jobs that Start starts. A storm checks them. It may be nil.
	Histories *Histories

	started []*process // that run the job, and may have ended
}

// ErrSealed is returned when a job can't be attacked because it is sealed.
var ErrSealed = fmt.Errorf("%w: it is sealed already", chaos.ErrOver)

// Await waits until a supervisor works on the job. It returns early with an error if ended is
// closed or the job is sealed.
func (e *Experiment) Await(ctx context.Context, ended <-chan struct{}) error {
	for {
		if e.Job.Folder().Supervised(e.Job.ID()) {
			_, _, err := e.Job.Redis(ctx)
			return err
		}
		over := false
		select {
		case <-ended:
			over = true
		default:
		}
		if over || ended == nil { // nil: another process runs the job, and can't report its end
			if _, sealed, err := e.Job.Folder().Sealed(e.Job.ID()); sealed || err != nil {
				return errors.Join(err, ErrSealed)
			}
		}
		if over {
			return fmt.Errorf("%w: the job to attack ended at once", wordcount.ErrIncomplete)
		}
		select {
		case <-ended: // the job may be sealed, so check once more
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Attack injects faults into the job, and waits until the job is sealed. It returns how long the
// recovery from the last fault took.
func (e *Experiment) Attack(ctx context.Context, faults ...chaos.Fault) (recovery time.Duration, err error) {
	a, err := e.attacker(ctx)
	if err != nil {
		return 0, err
	}
	if err := a.WaitForProgress(ctx); err != nil {
		return 0, err
	}
	for _, fault := range faults {
		if recovery, err = fault.Inject(a, ctx); err != nil {
			return 0, fmt.Errorf("%s: %w", fault.Name, err)
		}
	}
	_, err = a.AwaitSeal(ctx)
	return recovery, err
}

// attacker returns the job as package chaos needs it.
func (e *Experiment) attacker(ctx context.Context) (chaos.Attack, error) {
	rdb, server, err := e.Job.Redis(ctx)
	if err != nil {
		return chaos.Attack{}, err
	}
	return chaos.Attack{
		Redis: rdb, Server: server, Plan: e.Job.Planned(), Folder: e.Job.Folder(), Disk: e.Disk,
		Durability: e.Job.Config().Durability, Resume: e.resume, Say: e.Say, Show: e.Show,
	}, nil
}
