package protocol

import (
	"errors"
	"fmt"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/redis/go-redis/v9"
)

// The classes of errors that a job can end with. Each has an exit status of its own, and its text
// begins the line that people see, so it is not prefixed.
var (
	// ErrInput reports that the input is missing or unreadable, or that an option makes no sense.
	ErrInput = errors.New("input")
	// ErrRedis reports that Redis can't be reached, or refuses.
	ErrRedis = errors.New("redis")
	// ErrState reports that the job in Redis contradicts the caller, or itself.
	ErrState = errors.New("job state")
	// ErrIncomplete reports that tasks were buried, that the input changed, that the workers keep
	// dying, or that the state folder or the store of the map outputs can't be used.
	ErrIncomplete = errors.New("incomplete")
	// ErrDifferent reports that a recount found a difference.
	ErrDifferent = errors.New("different")
	// ErrNoResult reports that the whole result isn't there under its fence any more: the server lost
	// it, it expired, a file of it is lost, or the job was cleaned or counted again.
	ErrNoResult = errors.New("the sealed result is not there any more")
)

// What a call can meet, and the caller can handle.
var (
	// ErrOtherRun reports that the job belongs to another run now. What the caller holds is
	// worthless.
	ErrOtherRun = errors.New("protocol: the job belongs to another run")
	// ErrNoJob reports that the job isn't on the server.
	ErrNoJob = errors.New("protocol: no such job")
	// ErrPhase reports that the job, or a task, isn't in the phase that the call needs.
	ErrPhase = errors.New("protocol: not in this phase")
)

// Damaged is the error of a job that contradicts itself in the given way. No crash and no rollback
// to a snapshot leaves such a job behind.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s: the server's log was torn, or somebody wrote to the job's keys: delete the job with clean, then run again",
		ErrState, fmt.Sprintf(format, args...))
}

// Classify wraps an error of Redis in what it means to a job.
func Classify(err error) error {
	var conflict *redisfn.ConflictError
	if errors.As(err, &conflict) {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	code := redisfn.Code(err)
	switch code {
	case "WCRUN":
		return fmt.Errorf("%w: %w", ErrOtherRun, err)
	case "WCNOJOB":
		return fmt.Errorf("%w: %w", ErrNoJob, err)
	case "WCFINAL":
		return fmt.Errorf("%w: %w", ErrNoResult, err)
	case "WCPHASE":
		return fmt.Errorf("%w: %w", ErrPhase, err)
	case "WCTYPE", "WCSTATE", "WCARG", "WRONGTYPE":
		return fmt.Errorf("%w: %w: look at the keys, or delete the job with clean", ErrState, err)
	case "OOM":
		return fmt.Errorf("%w: %w: give the server more memory, then run again to resume", ErrRedis, err)
	case "MISCONF":
		return fmt.Errorf("%w: %w", ErrRedis, err)
	}
	if forbidden(err, code) {
		return fmt.Errorf("%w: %w: check user, password and permissions", ErrRedis, err)
	}
	return err
}

// forbidden reports whether the user may not do what the call needs. Only some of these errors have
// a code of their own.
func forbidden(err error, code string) bool {
	says := func(words string) bool { return strings.Contains(err.Error(), words) }
	switch code {
	case "NOPERM", "WRONGPASS":
		return true
	case "ERR": // of a command within a function: first Redis 7.0, then all later ones
		return says("user executing the script can't ") || says("ACL failure in script: ")
	case "EXECABORT":
		return says("because of: NOPERM ")
	}
	return redis.IsAuthError(err)
}

// IsOutOfMemory reports whether the server refused a write because it has no memory left.
func IsOutOfMemory(err error) bool { return redisfn.Code(err) == "OOM" }
