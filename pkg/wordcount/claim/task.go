package claim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// Task is one entry of a stream.
type Task struct {
	protocol.TaskID
	Split  plan.Split // of a map task
	Stolen bool       // from a worker that may have died of it; not examined yet
	Alone  bool       // it must be the only task in the table
	How    string     // the worker came by it, as package event says it

	digest plan.Digest // of the whole entry
}

// String names a task for people.
func (t Task) String() string {
	if t.Stream == protocol.Reduces {
		return fmt.Sprintf("partition %d", t.Number-1)
	}
	return t.Split.String()
}

func parseTasks(stream protocol.Stream, entries []redis.XMessage) ([]Task, error) {
	tasks := make([]Task, 0, len(entries))
	for _, m := range entries {
		t, err := parseTask(stream, m)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// parseTask reads an entry as the library wrote it. The error wraps protocol.ErrState.
func parseTask(stream protocol.Stream, m redis.XMessage) (t Task, err error) {
	t.Stream = stream
	number, ours := strings.CutSuffix(m.ID, "-0")
	if t.Number, err = strconv.Atoi(number); err != nil || !ours {
		return t, fmt.Errorf("%w: entry %q of stream %s has an ID that no task has", protocol.ErrState, m.ID, stream)
	}
	if stream == protocol.Reduces {
		return t, nil
	}
	if m.Values == nil {
		return t, protocol.Damaged("task %d was deleted", t.Number)
	}
	entry := protocol.EntryOf(m)
	if t.Split, err = plan.ParseEntry(entry); err != nil {
		return t, fmt.Errorf("%w: entry %q of stream %s names no split: %w", protocol.ErrState, m.ID, stream, err)
	}
	t.digest = plan.DigestOf(entry)
	return t, nil
}
