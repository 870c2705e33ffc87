package claim

import (
	"sync"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Leases are the tasks that a worker holds, counted or not. The heartbeat renews them. Several
// goroutines may call the methods.
type Leases struct {
	mu    sync.Mutex
	run   string
	held  map[protocol.TaskID]struct{}
	tasks int   // committed so far
	bytes int64 // of input in the committed tasks
}

// add adds a task, and reports whether the worker didn't hold it before.
func (l *Leases) add(run string, id protocol.TaskID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.held[id]; ok {
		return false
	}
	if l.held == nil {
		l.held = map[protocol.TaskID]struct{}{}
	}
	l.run, l.held[id] = run, struct{}{}
	return true
}

// Drop removes a task that the worker doesn't hold any more.
func (l *Leases) Drop(id protocol.TaskID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
}

// Done drops a task that this worker committed, and counts it.
func (l *Leases) Done(id protocol.TaskID, bytes int64) {
	l.Drop(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks, l.bytes = l.tasks+1, l.bytes+bytes
}

// Clear drops all tasks.
func (l *Leases) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
}
