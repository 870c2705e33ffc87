package wordcount

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// leases are the tasks that a worker holds, counted or not: what its heartbeat renews.
type leases struct {
	mu    sync.Mutex
	run   string
	held  map[taskID]struct{}
	tasks int   // committed so far
	bytes int64 // of them
}

// add tells whether the task is new to us.
func (l *leases) add(run string, id taskID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.held[id]; ok {
		return false
	}
	if l.held == nil {
		l.held = map[taskID]struct{}{}
	}
	l.run, l.held[id] = run, struct{}{}
	return true
}

func (l *leases) drop(id taskID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
}

// done is drop for a task that we committed.
func (l *leases) done(id taskID, bytes int64) {
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
func (r *reads) next()  { r.n.Add(2) }
func (r *reads) end()   { r.n.Add(1) }

// WorkerInfo is what a worker says of itself with each heartbeat. Nothing but displays depends on it.
type WorkerInfo struct {
	PID   int    `json:"pid"`
	Host  string `json:"host"`
	State string `json:"state"` // working or idle
	Tasks int    `json:"tasks"` // committed in this life
	Bytes int64  `json:"bytes"` // of them
	Beat  int    `json:"beat"`  // advances with each heartbeat, whatever the clocks do
}

// heartbeat renews the leases three times a lease, and tells the displays once a second, until ctx ends. It falls silent when
// a read has not come back for as long as we have patience with Redis: the disk is out of reach, and another host may do better.
func (w *Worker) heartbeat(ctx context.Context) {
	ticker := time.NewTicker(min(w.Lease/3, time.Second))
	defer ticker.Stop()
	host, _ := os.Hostname()
	var renewed, moved time.Time // moved: when the reads were last seen to get on
	var read int64
	for beat := 0; ; beat++ {
		if now := w.reads.n.Load(); now%2 == 0 || now != read {
			read, moved = now, time.Now()
		}
		w.leases.mu.Lock()
		run := w.leases.run
		ids := slices.Collect(maps.Keys(w.leases.held))
		me := WorkerInfo{os.Getpid(), host, "idle", w.leases.tasks, w.leases.bytes, beat}
		w.leases.mu.Unlock()
		byStream := map[string][]int{"map": nil}
		for _, id := range ids {
			me.State = "working"
			byStream[id.stream] = append(byStream[id.stream], id.n)
		}
		due := time.Since(renewed) >= w.Lease/3
		if due {
			renewed = time.Now()
		} else {
			byStream = map[string][]int{"map": nil} // tell only
		}
		text, _ := json.Marshal(me) // plain fields can't fail
		for stream, tasks := range byStream {
			if run != "" && time.Since(moved) < Patience {
				// A failure is the loop's to notice; a missed beat is what leases are for.
				w.renew(ctx, run, w.Consumer, string(text), stream, tasks)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
