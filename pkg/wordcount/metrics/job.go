package metrics

import (
	"sync"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	// silentFor is how long a worker counts as living without a heartbeat: three of the default
	// leases. What a killed supervisor's workers have said stays in the statuses.
	silentFor = 30 * time.Second
	// mostWorkers bounds how many workers are remembered. Who may write to Redis can invent some.
	mostWorkers = 1 << 16
)

// Own is what the supervisor's process knows by itself.
type Own struct {
	Restarts      int // workers of this process that died and were replaced
	RedisRestarts int
	Checkpoints   int
}

// job is what was seen of a job.
type job struct {
	mu     sync.Mutex
	status protocol.Status
	own    Own
	at     time.Time // of the last status

	said  map[string]protocol.WorkerInfo // the last words of each worker, dead ones too
	heard map[string]time.Time           // when its heartbeat last advanced
	sums  sums
}

// sums are counters: they never fall.
type sums struct {
	committed, elsewhere, failed, lost, revoked float64 // tasks
	bytes, trips, commits, commitSeconds        float64 // as workers say
}

// See takes a status that the supervisor has read.
func (s *Server) See(st protocol.Status, own Own) { s.job.see(st, own, time.Now()) }

func (j *job) see(st protocol.Status, own Own, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if before := j.status; before.Run == st.Run { // of an earlier run's tasks nothing is lost any more
		j.sums.lost += grown(before.Taken, st.Taken)
		j.sums.revoked += grown(before.Revoked, st.Revoked)
	}
	for name, info := range st.Workers {
		before, known := j.said[name]
		if !known && len(j.said) >= mostWorkers {
			continue
		}
		if !known || before.Beat != info.Beat {
			j.heard[name] = now
		}
		j.said[name] = info
		j.sums.add(before, info)
	}
	j.status, j.own, j.at = st, own, now
}

// add adds what a worker has done since it last said so.
func (s *sums) add(before, now protocol.WorkerInfo) {
	s.committed += grown(before.Tasks, now.Tasks)
	s.bytes += grown(before.Bytes, now.Bytes)
	s.elsewhere += grown(before.Elsewhere, now.Elsewhere)
	s.failed += grown(before.Calls.Failed, now.Calls.Failed)
	s.trips += grown(before.Calls.Trips, now.Calls.Trips)
	s.commits += grown(before.Calls.Commits, now.Calls.Commits)
	s.commitSeconds += grown(before.Calls.CommitSeconds, now.Calls.CommitSeconds)
}

// grown returns how much a number has grown; 0 if it has fallen.
func grown[N int | int64 | float64](before, now N) float64 {
	return max(0, float64(now)-float64(before))
}
