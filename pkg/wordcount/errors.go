package wordcount

import (
	"errors"
	"fmt"
)

// What a job can end with. Each has an exit status of its own (see package targets); errors.Is tells them apart.
var (
	// ErrInput: the input is missing, unreadable, or an option makes no sense.
	ErrInput = errors.New("input")
	// ErrRedis: Redis can't be reached, or refuses.
	ErrRedis = errors.New("redis")
	// ErrState: the job in Redis contradicts us, or itself.
	ErrState = errors.New("job state")
	// ErrIncomplete: tasks were buried, the input changed, the workers keep dying, or the state folder can't be written to.
	ErrIncomplete = errors.New("incomplete")
	// ErrDifferent: verify found a difference.
	ErrDifferent = errors.New("different")

	// ErrNoResult: the result isn't in Redis under the fence it was published with, or not all of it: the server lost it, it
	// expired, or somebody cleaned the job or counted it again.
	ErrNoResult = errors.New("the sealed result is not in redis any more")

	// errOtherRun: the job belongs to another run now; what the caller holds is worthless.
	errOtherRun = errors.New("the job belongs to another run")
	// errNoJob: the job isn't there, or not any more.
	errNoJob = errors.New("no such job")
	// errPhase: the job, or a task, isn't in the phase that the call needs.
	errPhase = errors.New("not in this phase")
)

// spoilt is an error for a job that contradicts itself, which no crash and no rollback leaves behind. It says how.
func spoilt(format string, args ...any) error {
	return fmt.Errorf("%w: %s: the server's log was torn, or somebody wrote to the job's keys: delete the job with clean, then run again",
		ErrState, fmt.Sprintf(format, args...))
}
