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

// leases are the tasks that a worker holds, counted or not: what its heartbeat renews.
type leases struct {
	mu    sync.Mutex
	run   string
	held  map[protocol.TaskID]struct{}
	tasks int   // committed so far
	bytes int64 // of them
}

// add tells whether the task is new to us.
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

func (l *leases) drop(id protocol.TaskID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
}

// done is drop for a task that we committed.
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

// reads tells the heartbeat whether the reading of an input gets on. It grows with each read, and is odd while a file is in
// work.
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

// run renews the leases three times a lease, and tells the displays once a second, until ctx ends. It falls silent when a
// read has not come back within Patience: the disk is out of reach, and another host may do better.
func (h heartbeat) run(ctx context.Context) {
	ticker := time.NewTicker(min(h.lease/3, time.Second))
	defer ticker.Stop()
	host, _ := os.Hostname()
	var renewed, moved time.Time // moved: when the reads were last seen to get on
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
			byStream = map[protocol.Stream][]int{protocol.Maps: nil} // tell only
		}
		for stream, tasks := range byStream {
			if run != "" && time.Since(moved) < retry.Patience {
				// A failure is the loop's to notice; a missed beat is what leases are for.
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
