package claim

import (
	"sync"
	"time"

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

	elsewhere int       // tasks that were dropped: others settled them, or they were buried
	since     time.Time // when a task was last done or dropped, or the first was added
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
	if len(l.held) == 0 {
		l.since = time.Now()
	}
	l.run, l.held[id] = run, struct{}{}
	return true
}

// Drop removes a task that the worker doesn't hold any more.
func (l *Leases) Drop(id protocol.TaskID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.held[id]; ok {
		l.elsewhere++
	}
	l.settle(id)
}

// settle removes a task. The caller has locked mu.
func (l *Leases) settle(id protocol.TaskID) {
	delete(l.held, id)
	l.since = time.Now()
}

// Done drops a task that this worker committed, and counts it.
func (l *Leases) Done(id protocol.TaskID, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle(id)
	l.tasks, l.bytes = l.tasks+1, l.bytes+bytes
}

// report fills in what the leases say of their worker. The caller has locked mu.
func (l *Leases) report(me *protocol.WorkerInfo) {
	me.Tasks, me.Bytes, me.Elsewhere = l.tasks, l.bytes, l.elsewhere
	if len(l.held) > 0 {
		me.Busy = seconds(time.Since(l.since))
	}
}

// seconds returns a duration to a tenth of a second, as workers report it.
func seconds(d time.Duration) float64 { return d.Round(100 * time.Millisecond).Seconds() }

// Clear drops all tasks.
func (l *Leases) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
}
