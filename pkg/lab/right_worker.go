package lab

import (
	"context"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

// rightWorker does what comes next, until it is dismissed. It survives a restart of Redis.
func rightWorker(ctx context.Context, w *worker) error {
	var backoff retry.Backoff
	for {
		dismissed, err := w.doNext(ctx)
		switch {
		case dismissed:
			return nil
		case err == nil:
			backoff.Reset()
		case protocol.Transient(err):
			if late := backoff.Wait(ctx); late != nil {
				return retry.Unreachable(late, err)
			}
		default:
			return err
		}
	}
}

// doNext does one text, if there is one to take.
func (w *worker) doNext(ctx context.Context) (dismissed bool, err error) {
	job, err := w.job.ReadPhase(ctx)
	if err != nil || job.Dismissed {
		return job.Dismissed, err
	}
	t, err := w.take(ctx)
	if err != nil {
		return false, err
	}
	if t == nil {
		w.at(idle)
		return false, nil
	}
	return false, w.do(t, func(t *task, words counts) error { return w.commit(ctx, t, words) })
}

// commit calls the function that acknowledges a text and adds its counts, as one step. If the text
// isn't pending any more, because it was taken over and is done, the function does nothing and says
// so. That is no error.
func (w *worker) commit(ctx context.Context, t *task, words counts) error {
	job, err := w.job.ReadPhase(ctx)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(strings.TrimSuffix(t.id, "-0"))
	if err != nil {
		return err
	}
	commit := protocol.Commit{
		Tasks: []int{number}, Tokens: uint64(words.words()), Output: protocol.NewNonce(), Host: w.name,
	}
	for word, n := range words {
		commit.Words = append(commit.Words, word, n)
	}
	_, err = w.job.Commit(ctx, job.Run, commit)
	return err
}
