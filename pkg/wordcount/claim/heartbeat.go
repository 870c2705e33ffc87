package claim

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

// Reads tells the heartbeat whether reading an input makes progress. n grows with each read, and is
// odd while a file is open for counting.
type Reads struct{ n atomic.Int64 }

// Begin is called before a file is opened.
func (r *Reads) Begin() { r.n.Add(1) }

// Next is called before each read of the file.
func (r *Reads) Next() { r.n.Add(2) }

// End is called when the file is done with.
func (r *Reads) End() { r.n.Add(1) }

// Heartbeat renews a worker's leases.
type Heartbeat struct {
	Consumer Consumer
	Leases   *Leases
	Reads    *Reads          // of the worker
	Waits    *atomic.Value   // string: what keeps the worker from going on; nothing, or "": nothing does
	Calls    *protocol.Calls // of the worker's process; nil: they are not reported
}

// Run renews the leases two or three times per lease, and reports to the displays once a second, until
// ctx ends. It sends nothing after a read has taken longer than retry.Patience, because this host can't
// reach its disk, and another host may succeed.
func (h Heartbeat) Run(ctx context.Context) {
	ticker := time.NewTicker(min(h.Consumer.Lease/3, time.Second))
	defer ticker.Stop()
	host, _ := os.Hostname()
	began := time.Now()
	var renewed, moved time.Time // moved: when the reads last made progress
	var read int64
	for beat := 0; ; beat++ {
		if now := h.Reads.n.Load(); now%2 == 0 || now != read {
			read, moved = now, time.Now()
		}
		h.Leases.mu.Lock()
		run := h.Leases.run
		ids := slices.Collect(maps.Keys(h.Leases.held))
		me := protocol.WorkerInfo{PID: os.Getpid(), Host: host, State: "idle", Beat: beat, Up: seconds(time.Since(began)), Calls: h.Calls.Counts()}
		h.Leases.report(&me)
		h.Leases.mu.Unlock()
		me.Waits, _ = h.Waits.Load().(string)
		byStream := map[protocol.Stream][]int{protocol.Maps: nil}
		for _, id := range ids {
			me.State = "working"
			byStream[id.Stream] = append(byStream[id.Stream], id.Number)
		}
		due := time.Since(renewed) >= h.Consumer.Lease/3
		if due {
			renewed = time.Now()
		} else {
			byStream = map[protocol.Stream][]int{protocol.Maps: nil} // report only
		}
		for stream, tasks := range byStream {
			if run != "" && time.Since(moved) < retry.Patience {
				// The error is ignored, because the loop notices a failure itself, and a lease
				// outlives a missed heartbeat.
				h.Consumer.Client.Renew(ctx, run, h.Consumer.Name, me, stream, tasks)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
