package failure

import (
	"context"
	"errors"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// The exit statuses. 1 means an unexpected error or a second Ctrl-C.
const (
	ExitInput       = 2
	ExitRedis       = worker.ExitRefused
	ExitState       = worker.ExitState
	ExitIncomplete  = 5
	ExitDifferent   = 6
	ExitInterrupted = 130
	ExitReaderLeft  = 141 // as a shell reports the end of a program whose output nobody reads
)

// statusError is an error with its exit status.
type statusError struct {
	error
	status int
}

func (e statusError) ExitStatus() int { return e.status }
func (e statusError) Unwrap() error   { return e.error }

// Explain adds the exit status to an error, and the advice that belongs to it.
func Explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = advised(err)
	err = show.PlainError(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return mg.Fatal(ExitInterrupted, "interrupted")
	}
	var has interface{ ExitStatus() int }
	if errors.As(err, &has) { // Mage asks only the outermost error
		return statusError{err, has.ExitStatus()}
	}
	var conflict *redisfn.ConflictError
	for _, class := range []struct {
		is   bool
		code int
	}{
		{errors.Is(err, protocol.ErrInput) || errors.Is(err, redisd.ErrSettings), ExitInput},
		{errors.Is(err, protocol.ErrState) || errors.Is(err, redisd.ErrFolder) || errors.As(err, &conflict), ExitState},
		{errors.Is(err, protocol.ErrIncomplete), ExitIncomplete},
		{errors.Is(err, protocol.ErrDifferent), ExitDifferent},
		{errors.Is(err, show.ErrReaderLeft), ExitReaderLeft},
		{errors.Is(err, protocol.ErrRedis) || errors.Is(err, protocol.ErrNoResult) || redisd.IsServer(err) || redisfn.Code(err) != "", ExitRedis},
	} {
		if class.is {
			return statusError{err, class.code}
		}
	}
	return err
}

// Resumable adds to an interruption the advice to run again. It does so only after the job was
// recorded, because otherwise the next run would continue another job.
func Resumable(err error, recorded bool) error {
	if recorded && mg.ExitStatus(err) == ExitInterrupted {
		return mg.Fatal(ExitInterrupted, "interrupted: run again to resume")
	}
	return err
}
