package show

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	// A worker that holds tasks is a straggler if it has had none done for stragglerAfter, and for
	// stragglerTimes the mean time that workers take from one commit to the next.
	stragglerAfter = 10 * time.Second
	stragglerTimes = 3

	heldMost = 1000 // tasks of each stream whose leases are looked at
)

// What is the matter with a worker.
const (
	silent    = "silent"    // its lease is over, so others take its tasks
	waits     = "waits"     // it says that something keeps it from going on
	straggler = "straggler" // it has had nothing done for long
)

// workerReport is a worker of any host. All but its tasks and its lease is what it says of itself.
type workerReport struct {
	ID        string   `json:"id"`
	PID       int      `json:"pid"`
	Host      string   `json:"host"`
	State     string   `json:"state"` // working or idle
	Tasks     int      `json:"tasks"` // held now
	Done      int      `json:"done"`  // committed by this process
	Elsewhere int      `json:"elsewhere"`
	Failed    int64    `json:"failed"`
	Bytes     int64    `json:"bytes"`           // of input in the tasks that it has committed
	Rate      float64  `json:"rate"`            // bytes a second: of its life, or with -watch of the last seconds
	Up        float64  `json:"up"`              // seconds since it began
	Busy      float64  `json:"busy"`            // seconds that it has held tasks and got none done
	Lease     *float64 `json:"lease,omitempty"` // seconds since its oldest lease was renewed
	Waits     string   `json:"waits,omitempty"` // what keeps it from going on
	Trouble   string   `json:"trouble,omitempty"`
}

// hostReport is what the workers of a host come to.
type hostReport struct {
	Host    string   `json:"host"`
	Workers int      `json:"workers"`
	Working int      `json:"working"`
	Tasks   int      `json:"tasks"`
	Done    int      `json:"done"`
	Bytes   int64    `json:"bytes"`
	Rate    float64  `json:"rate"`
	Lease   *float64 `json:"lease,omitempty"`
	Trouble int      `json:"trouble"` // workers with which something is the matter
}

// workersOf lists the workers of a status, by host and then by name.
func workersOf(st wordcount.Status, held []protocol.Held, lease time.Duration) []workerReport {
	oldest := map[string]float64{}
	for _, h := range held {
		if !h.Released {
			oldest[h.Consumer] = max(oldest[h.Consumer], h.Age.Seconds())
		}
	}
	var up, commits float64
	for _, info := range st.Workers {
		up, commits = up+info.Up, commits+float64(info.Calls.Commits)
	}
	all := make([]workerReport, 0, len(st.Workers))
	for _, id := range slices.Sorted(maps.Keys(st.Workers)) {
		info := st.Workers[id]
		w := workerReport{
			ID: id, PID: info.PID, Host: info.Host, State: info.State, Tasks: st.PendingMaps[id] + st.PendingReduces[id], Done: info.Tasks,
			Elsewhere: info.Elsewhere, Failed: info.Calls.Failed, Bytes: info.Bytes, Up: info.Up, Busy: info.Busy, Waits: info.Waits,
		}
		if info.Up > 0 {
			w.Rate = float64(info.Bytes) / info.Up
		}
		if age, ok := oldest[id]; ok {
			w.Lease = &age
		}
		switch {
		case w.Lease != nil && *w.Lease >= lease.Seconds():
			w.Trouble = silent
		case w.Waits != "":
			w.Trouble = waits
		case w.Tasks > 0 && commits > 0 && w.Busy >= max(stragglerAfter.Seconds(), stragglerTimes*up/commits):
			w.Trouble = straggler
		}
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(a, b workerReport) int { return cmp.Compare(a.Host, b.Host) })
	return all
}

// hostsOf adds up the workers of each host.
func hostsOf(workers []workerReport) []hostReport {
	hosts := []hostReport{}
	for _, w := range workers {
		if n := len(hosts); n == 0 || hosts[n-1].Host != w.Host {
			hosts = append(hosts, hostReport{Host: w.Host})
		}
		h := &hosts[len(hosts)-1]
		h.Workers++
		if w.State == "working" {
			h.Working++
		}
		if w.Trouble != "" {
			h.Trouble++
		}
		h.Tasks, h.Done, h.Bytes, h.Rate = h.Tasks+w.Tasks, h.Done+w.Done, h.Bytes+w.Bytes, h.Rate+w.Rate
		h.Lease = older(h.Lease, w.Lease)
	}
	return hosts
}

// older returns the older one of two ages; nil is none.
func older(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// abandoned returns how many tasks are held in the name of workers that are gone.
func abandoned(st wordcount.Status) (tasks int) {
	for _, consumers := range []map[string]int{st.PendingMaps, st.PendingReduces} {
		for consumer, n := range consumers {
			if _, ok := st.Workers[consumer]; !ok {
				tasks += n
			}
		}
	}
	return tasks
}
