package targets

import (
	"context"
	"errors"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Exit statuses. 1 is left to what was not expected, and to a second Ctrl-C.
const (
	exitInput       = 2
	exitRedis       = wordcount.ExitRefused
	exitState       = wordcount.ExitState
	exitIncomplete  = 5
	exitDifferent   = 6
	exitInterrupted = 130
)

// statusError is an error with the exit status that it stands for.
type statusError struct {
	error
	status int
}

func (e statusError) ExitStatus() int { return e.status }
func (e statusError) Unwrap() error   { return e.error }

// coded gives an error the exit status that it stands for.
func coded(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = advised(err)
	err = plainError{err}
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
		{errors.Is(err, wordcount.ErrInput) || errors.Is(err, redisd.ErrSettings), exitInput},
		{errors.Is(err, wordcount.ErrState) || errors.Is(err, redisd.ErrFolder) || errors.As(err, &conflict), exitState},
		{errors.Is(err, wordcount.ErrIncomplete), exitIncomplete},
		{errors.Is(err, wordcount.ErrDifferent), exitDifferent},
		{errors.Is(err, wordcount.ErrRedis) || errors.Is(err, wordcount.ErrNoResult) || isServer(err) || redisfn.Code(err) != "", exitRedis},
	} {
		if class.is {
			return statusError{err, class.code}
		}
	}
	return err
}

// resumable adds the advice to an interruption that the next run resumes from: before the job was recorded, that would
// go on with another one.
func (s *session) resumable(err error) error {
	if mg.ExitStatus(err) == exitInterrupted && s.plan.Job.ID != "" {
		return mg.Fatal(exitInterrupted, "interrupted: run again to resume")
	}
	return err
}

// isServer tells whether it is the server that can't be had.
func isServer(err error) bool {
	for _, e := range []error{redisd.ErrNone, redisd.ErrUnavailable, redisd.ErrRefused, redisd.ErrUnreachable, redisd.ErrGiven,
		redisd.ErrDump, redisd.ErrPortTaken} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
