package worker

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

// DefaultLease is how long a task may go without a heartbeat before another worker takes it.
const DefaultLease = 10 * time.Second

// leases are the tasks that a worker holds, counted or not. The heartbeat renews them.
type leases struct {
	mu    sync.Mutex
	run   string
	held  map[protocol.TaskID]struct{}
	tasks int   // committed so far
	bytes int64 // of input in the committed tasks
}

// add adds a task, and reports whether the worker didn't hold it before.
func (l *leases) add(run string, id protocol.TaskID) bool {
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

// drop removes a task that the worker doesn't hold any more.
func (l *leases) drop(id protocol.TaskID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
}

// done drops a task that this worker committed, and counts it.
func (l *leases) done(id protocol.TaskID, bytes int64) {
	l.drop(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks, l.bytes = l.tasks+1, l.bytes+bytes
}

func (l *leases) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
}

// reads tells the heartbeat whether reading an input makes progress. n grows with each read, and is
// odd while a file is open for counting.
type reads struct{ n atomic.Int64 }

func (r *reads) begin() { r.n.Add(1) }

func (r *reads) next() { r.n.Add(2) }

func (r *reads) end() { r.n.Add(1) }

// heartbeat renews a worker's leases.
type heartbeat struct {
	client   protocol.Client
	consumer string
	lease    time.Duration
	leases   *leases
	reads    *reads
}

// run renews the leases three times per lease, and reports to the displays once a second, until ctx
// ends. It sends nothing after a read has taken longer than retry.Patience, because this host can't
// reach its disk, and another host may succeed.
func (h heartbeat) run(ctx context.Context) {
	ticker := time.NewTicker(min(h.lease/3, time.Second))
	defer ticker.Stop()
	host, _ := os.Hostname()
	var renewed, moved time.Time // moved: when the reads last made progress
	var read int64
	for beat := 0; ; beat++ {
		if now := h.reads.n.Load(); now%2 == 0 || now != read {
			read, moved = now, time.Now()
		}
		h.leases.mu.Lock()
		run := h.leases.run
		ids := slices.Collect(maps.Keys(h.leases.held))
		me := protocol.WorkerInfo{PID: os.Getpid(), Host: host, State: "idle", Tasks: h.leases.tasks, Bytes: h.leases.bytes, Beat: beat}
		h.leases.mu.Unlock()
		byStream := map[protocol.Stream][]int{protocol.Maps: nil}
		for _, id := range ids {
			me.State = "working"
			byStream[id.Stream] = append(byStream[id.Stream], id.Number)
		}
		due := time.Since(renewed) >= h.lease/3
		if due {
			renewed = time.Now()
		} else {
			byStream = map[protocol.Stream][]int{protocol.Maps: nil} // report only
		}
		for stream, tasks := range byStream {
			if run != "" && time.Since(moved) < retry.Patience {
				// The error is ignored, because the loop notices a failure itself, and a lease
				// outlives a missed heartbeat.
				h.client.Renew(ctx, run, h.consumer, me, stream, tasks)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
