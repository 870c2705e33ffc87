package show

import (
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// silentFor is how long a worker counts as living without a heartbeat: three of the default leases.
const silentFor = 30 * time.Second

// heard is what the statuses have shown of the workers of all hosts, by name. A worker that was
// killed together with its supervisor stays in the statuses, so only those count that are heard.
type heard map[string]heartbeats

type heartbeats struct {
	last int
	at   time.Time // when it came; zero: none came since the first status
}

// hear takes what a status shows, and returns how many workers live, and on how many hosts.
func (h heard) hear(workers map[string]protocol.WorkerInfo, now time.Time) (living, hosts int) {
	on := map[string]bool{}
	for name := range h {
		if _, ok := workers[name]; !ok {
			delete(h, name)
		}
	}
	for name, info := range workers {
		b, known := h[name]
		if known && b.last != info.Beat {
			b.at = now
		}
		b.last = info.Beat
		h[name] = b
		if !b.at.IsZero() && now.Sub(b.at) < silentFor {
			living++
			on[info.Host] = true
		}
	}
	return living, len(on)
}
