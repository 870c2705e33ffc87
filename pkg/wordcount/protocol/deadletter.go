package protocol

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Code says what kind of thing buried a task. Programs decide by the code, and never by the text.
type Code string

// The codes.
const (
	Changed    Code = "CHANGED"    // a file is not what the manifest says
	Grew       Code = "GREW"       // a file changed, and the only change is that it grew
	Unreadable Code = "UNREADABLE" // a file can't be read
	BadRecord  Code = "RECORD"     // a record has no value, or is too large
	TooLong    Code = "TOOLONG"    // a word is too long to be counted
	Deaths     Code = "DEATHS"     // too many workers died while they had the task
	Lost       Code = "LOST"       // its map output was lost too often
	Failed     Code = "FAILED"     // anything else
)

var codes = []Code{Changed, Grew, Unreadable, BadRecord, TooLong, Deaths, Lost, Failed}

// Cause is why a task was buried, or why an attempt at it failed.
type Cause struct {
	Code Code
	Text string // one line for people
}

// String is the cause as the job keeps it: the code, a space, and the text.
func (c Cause) String() string { return string(c.Code) + " " + c.Text }

// parseCause reads what String or the library wrote. A text without a known code comes from an older build.
func parseCause(s string) Cause {
	code, text, _ := strings.Cut(s, " ")
	if slices.Contains(codes, Code(code)) {
		return Cause{Code: Code(code), Text: text}
	}
	return Cause{Code: Failed, Text: s}
}

// DeadLetter is a task that was buried: nobody tries it again, unless it is requeued. Of a map
// task, Plan.Splits has the file and the offset.
type DeadLetter struct {
	TaskID
	Cause
}

// DeadLetters lists the tasks of a job that were buried.
func DeadLetters(ctx context.Context, rdb redis.UniversalClient, job Job) ([]DeadLetter, error) {
	dead, err := rdb.HGetAll(ctx, job.Key("dead")).Result()
	if err != nil {
		return nil, Classify(err)
	}
	var letters []DeadLetter
	for task, cause := range dead {
		letter := DeadLetter{Cause: parseCause(cause)}
		if _, err := fmt.Sscanf(task, "%s %d", &letter.Stream, &letter.Number); err != nil {
			return nil, fmt.Errorf("%w: %q is no task", ErrState, task)
		}
		letters = append(letters, letter)
	}
	slices.SortFunc(letters, func(a, b DeadLetter) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Number, b.Number))
	})
	return letters, nil
}

// Fail reports an attempt that met an error. The token names the attempt, so that a repeated call
// counts once. At the limit the task is buried. Fail returns "failed", "buried", or the standing of
// a task that isn't pending.
func (c Client) Fail(ctx context.Context, run string, task TaskID, token string, limit int, cause Cause) (standing string, err error) {
	return c.call(ctx, "fail", c.Job.Keys(), run, string(task.Stream), task.Number, token, limit, cause.String()).Text()
}

// Requeue makes the buried tasks pending again, and returns how many there were.
func (c Client) Requeue(ctx context.Context, run string) (int, error) {
	return c.call(ctx, "requeue", c.Job.Keys(), run).Int()
}

// Requeue makes the buried tasks of a job pending again, and returns how many there were.
func Requeue(ctx context.Context, rdb redis.UniversalClient, job Job) (int, error) {
	st, err := StatusOf(ctx, rdb, job)
	if err != nil {
		return 0, err
	}
	return Client{Redis: rdb, Job: job}.Requeue(ctx, st.Run)
}
