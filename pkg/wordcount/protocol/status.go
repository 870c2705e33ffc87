package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Status is where a job stands.
type Status struct {
	Run            string
	Phase          Phase
	Maps, Mapped   int // map tasks in total, and committed
	Seeded         int // map tasks in the stream
	Reducers       int
	Reduced        int
	Keep           int            // words that the sorted set may have; 0: all
	Tokens         uint64         // words in committed tasks
	Bytes          int64          // input bytes in committed tasks
	Revoked        int            // how often a task was taken back because its output was lost
	Counting       string         // what is counted
	Store          string         // where the map outputs are, as the run that created the job says
	Final          string         // the fence
	Dismissed      bool           // sealed: workers may leave
	PendingMaps    map[string]int // tasks by consumer
	PendingReduces map[string]int
	Buried         int
	WaitingMaps    bool // some map tasks were not delivered yet
	WaitingReduces bool // some reduce tasks were not delivered yet
	Troubles       int  // how often a task was taken from a worker, or failed
	Taken          int  // tasks that were taken from a worker
	Workers        map[string]WorkerInfo
}

// WorkerInfo is what a worker says of itself with each heartbeat. It is for display only.
type WorkerInfo struct {
	PID   int    `json:"pid"`
	Host  string `json:"host"`
	State string `json:"state"` // working or idle
	Tasks int    `json:"tasks"` // committed in this life
	Bytes int64  `json:"bytes"` // of them
	Beat  int    `json:"beat"`  // advances with each heartbeat, whatever the clocks do
	// Waits is what keeps the worker from going on, and what it tries again; "": nothing
	Waits string `json:"waits,omitempty"`

	Up        float64    `json:"up,omitempty"`        // seconds since it began
	Busy      float64    `json:"busy,omitempty"`      // seconds that it has held tasks and got none done
	Elsewhere int        `json:"elsewhere,omitempty"` // tasks that it had, and that others settled, or that were buried
	Calls     CallCounts `json:"calls,omitzero"`      // to Redis
}

// StatusOf returns where a job stands. The error is ErrState if it isn't on this server.
func StatusOf(ctx context.Context, rdb redis.UniversalClient, job Job) (Status, error) {
	st, err := Client{Redis: rdb, Job: job}.Status(ctx)
	if errors.Is(err, ErrNoJob) {
		err = fmt.Errorf("%w: job %s is not on this server", ErrState, job.ID)
	}
	return st, err
}

// Done is the number of tasks that are done.
func (s Status) Done() int { return s.Mapped + s.Reduced }

// Pending is the number of tasks that workers hold.
func (s Status) Pending() int {
	n := 0
	for _, consumers := range []map[string]int{s.PendingMaps, s.PendingReduces} {
		for _, tasks := range consumers {
			n += tasks
		}
	}
	return n
}

// Over reports whether nothing more will happen by itself. Only the tasks of the present phase are
// looked at: reduce tasks may wait for maps that were buried.
func (s Status) Over() bool {
	return s.Phase == Done || s.Buried > 0 && s.idle() && (s.Phase != Mapping || s.Seeded == s.Maps)
}

// idle reports whether no task of the present phase is pending, and none waits in its stream.
func (s Status) idle() bool {
	if s.Phase == Mapping {
		return len(s.PendingMaps) == 0 && !s.WaitingMaps
	}
	return len(s.PendingReduces) == 0 && !s.WaitingReduces
}

// Stuck reports whether a job can't go on though it isn't over. Whatever happened, each task of the
// present phase waits in the stream, is pending, is done or was buried. A task that is none of
// these was taken away by somebody.
func (s Status) Stuck() bool { return !s.Over() && s.idle() }

// Status returns where the job stands. The error is ErrNoJob if it isn't on this server.
func (c Client) Status(ctx context.Context) (Status, error) {
	reply, err := c.read(ctx, "status", c.Job.Keys()).Slice()
	if err != nil {
		return Status{}, err
	}
	meta := pairs(reply[0])
	s := Status{
		Run: meta["run"], Phase: Phase(meta["phase"]), Final: meta["final"], Store: meta["store"], Counting: meta["counting"],
		Dismissed: meta["dismissed"] != "", Buried: int(reply[3].(int64)), Workers: workers(pairs(reply[4])),
		Seeded: int(reply[5].(int64)), WaitingMaps: reply[6] == int64(1), WaitingReduces: reply[7] == int64(1),
		PendingMaps: map[string]int{}, PendingReduces: map[string]int{},
	}
	var tokens, bytes int
	for _, number := range []struct {
		name string
		of   *int
		most int
	}{
		{"maps", &s.Maps, maxMaps}, {"mapped", &s.Mapped, maxMaps}, {"reducers", &s.Reducers, MaxReducers},
		{"reduced", &s.Reduced, MaxReducers}, {"keep", &s.Keep, MaxCount}, {"revoked", &s.Revoked, MaxCount}, {"tokens", &tokens, MaxCount}, {"bytes", &bytes, MaxCount},
		{"troubles", &s.Troubles, MaxCount}, {"taken", &s.Taken, MaxCount},
	} {
		if *number.of, err = bounded(meta[number.name], number.most); err != nil {
			return Status{}, fmt.Errorf("%w: job %s: %s: %w: somebody else wrote it: delete the job with clean",
				ErrState, c.Job.ID, number.name, err)
		}
	}
	s.Tokens, s.Bytes = uint64(tokens), int64(bytes)
	for consumer, n := range pairs(reply[1]) {
		s.PendingMaps[consumer] = Number(n)
	}
	for consumer, n := range pairs(reply[2]) {
		s.PendingReduces[consumer] = Number(n)
	}
	return s, nil
}

// workers decodes what workers said of themselves. A worker whose words mean nothing is listed with
// zero values, because it may hold tasks.
func workers(said map[string]string) map[string]WorkerInfo {
	all := make(map[string]WorkerInfo, len(said))
	for consumer, text := range said {
		var info WorkerInfo
		if json.Unmarshal([]byte(text), &info) != nil {
			info = WorkerInfo{}
		}
		all[consumer] = info
	}
	return all
}

// pairs makes a map of a flat list, the form in which functions return hashes.
func pairs(list any) map[string]string {
	flat := list.([]any)
	m := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		m[flat[i].(string)] = fmt.Sprint(flat[i+1])
	}
	return m
}
