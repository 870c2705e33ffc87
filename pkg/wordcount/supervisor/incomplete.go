package supervisor

import (
	"context"
	"fmt"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// DeadLetterError reports that a job can't be completed, because some of its tasks were buried. It
// wraps protocol.ErrIncomplete.
type DeadLetterError struct {
	Letters      []protocol.DeadLetter // at least one
	Mapped, Maps int                   // map tasks that are committed, and all map tasks
}

func (e *DeadLetterError) Error() string {
	more := ""
	if n := len(e.Letters) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("%v: %s%s; %d of %d maps are done",
		protocol.ErrIncomplete, e.Letters[0].Text, more, e.Mapped, e.Maps)
}

// Code is why the first task was buried.
func (e *DeadLetterError) Code() protocol.Code { return e.Letters[0].Code }

func (e *DeadLetterError) Unwrap() error { return protocol.ErrIncomplete }

// ChangedInputError reports that a job can't be sealed, because a file has changed since its tasks
// were done. It wraps protocol.ErrIncomplete.
type ChangedInputError struct{ *input.ChangedError }

func (e *ChangedInputError) Error() string {
	return fmt.Sprintf("%v: %s: %s during the run: run again to count what it is now",
		protocol.ErrIncomplete, strconv.Quote(e.Path), e.How)
}

// Code is protocol.Grew or protocol.Changed.
func (e *ChangedInputError) Code() protocol.Code {
	if e.Grew {
		return protocol.Grew
	}
	return protocol.Changed
}

func (e *ChangedInputError) Unwrap() error { return protocol.ErrIncomplete }

// incomplete returns the error of a job with buried tasks.
func incomplete(ctx context.Context, client protocol.Client, st protocol.Status) error {
	letters, err := protocol.DeadLetters(ctx, client.Redis, client.Job)
	if err != nil {
		return err
	}
	if len(letters) == 0 { // they were requeued meanwhile
		return fmt.Errorf("%w: %d tasks were buried: run again", protocol.ErrIncomplete, st.Buried)
	}
	return &DeadLetterError{Letters: letters, Mapped: st.Mapped, Maps: st.Maps}
}
