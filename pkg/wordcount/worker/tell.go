package worker

import (
	"log/slog"
	"slices"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// journal is what a worker writes down of its tasks.
type journal struct{ *event.Journal }

// attempt writes down that the worker begins to do tasks. A short task doesn't wait for the disk:
// its attempt is written with the next ones.
func (j journal) attempt(stream protocol.Stream, tasks ...claim.Task) {
	if j.Journal == nil {
		return
	}
	numbers, how := strconv.Itoa(tasks[0].Number), tasks[0].How
	if len(tasks) > 1 {
		numbers = rangesOf(tasks)
	}
	j.Note(event.Attempt, slog.String("stream", string(stream)), slog.String("tasks", numbers), slog.String("how", how))
}

// stolen writes down which of some tasks were taken from other workers.
func (j journal) stolen(tasks []claim.Task) {
	stolen := slices.DeleteFunc(slices.Clone(tasks), func(t claim.Task) bool { return !t.Stolen })
	if j.Journal == nil || len(stolen) == 0 {
		return
	}
	j.Write(event.Steal, slog.String("stream", string(stolen[0].Stream)), slog.String("tasks", rangesOf(stolen)))
}

// answer writes down the answer to a commit of tasks. With nil standings all of them are committed.
func (j journal) answer(stream protocol.Stream, tasks []int, standings []string, more ...slog.Attr) {
	if j.Journal == nil {
		return
	}
	var settled, open []int
	for i, standing := range standings {
		if standing == protocol.Settled {
			settled = append(settled, tasks[i])
		} else {
			open = append(open, tasks[i])
		}
	}
	attrs := append(more, slog.String("stream", string(stream)), slog.String("tasks", event.Ranges(slices.Clone(tasks))))
	if standings != nil {
		attrs = append(attrs, slog.String("settled", event.Ranges(settled)), slog.String("open", event.Ranges(open)))
	}
	j.Write(event.Commit, attrs...)
}

// named are the attributes that name a task.
func named(t claim.Task) []slog.Attr {
	return []slog.Attr{slog.String("stream", string(t.Stream)), slog.String("tasks", strconv.Itoa(t.Number))}
}

// rangesOf are the numbers of tasks as ranges.
func rangesOf(tasks []claim.Task) string {
	numbers := make([]int, len(tasks))
	for i, t := range tasks {
		numbers[i] = t.Number
	}
	return event.Ranges(numbers)
}
