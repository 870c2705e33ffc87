package targets

import (
	"context"
	"errors"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// Exit statuses. 1 means an unexpected error or a second Ctrl-C.
const (
	exitInput       = 2
	exitRedis       = worker.ExitRefused
	exitState       = worker.ExitState
	exitIncomplete  = 5
	exitDifferent   = 6
	exitInterrupted = 130
)

// statusError is an error with its exit status.
type statusError struct {
	error
	status int
}

func (e statusError) ExitStatus() int { return e.status }
func (e statusError) Unwrap() error   { return e.error }

// coded adds the exit status to an error, and the advice that belongs to it.
func coded(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = advised(err)
	err = show.PlainError(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return mg.Fatal(exitInterrupted, "interrupted")
	}
	var has interface{ ExitStatus() int }
	if errors.As(err, &has) {
		return err
	}
	var conflict *redisfn.ConflictError
	for _, class := range []struct {
		is   bool
		code int
	}{
		{errors.Is(err, protocol.ErrInput) || errors.Is(err, redisd.ErrSettings), exitInput},
		{errors.Is(err, protocol.ErrState) || errors.Is(err, redisd.ErrFolder) || errors.As(err, &conflict), exitState},
		{errors.Is(err, protocol.ErrIncomplete), exitIncomplete},
		{errors.Is(err, protocol.ErrDifferent), exitDifferent},
		{errors.Is(err, protocol.ErrRedis) || errors.Is(err, protocol.ErrNoResult) || redisd.IsServer(err) || redisfn.Code(err) != "", exitRedis},
	} {
		if class.is {
			return statusError{err, class.code}
		}
	}
	return err
}

// resumable adds to an interruption the advice to run again. It does so only after the job was
// recorded, because otherwise the next run would continue another job.
func resumable(err error, recorded bool) error {
	if recorded && mg.ExitStatus(err) == exitInterrupted {
		return mg.Fatal(exitInterrupted, "interrupted: run again to resume")
	}
	return err
}
