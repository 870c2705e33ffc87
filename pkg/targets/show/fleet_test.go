package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// seen is a status of a fleet: two hosts, and somebody who says what a terminal would act upon.
func seen() wordcount.Status {
	working := func(pid int, host string, tasks int, bytes int64, busy float64) protocol.WorkerInfo {
		return protocol.WorkerInfo{PID: pid, Host: host, State: "working", Tasks: tasks, Bytes: bytes, Up: 40, Busy: busy,
			Calls: protocol.CallCounts{Commits: 8}}
	}
	idle := protocol.WorkerInfo{PID: 4713, Host: "beta", State: "idle", Elsewhere: 7}
	waiting := working(4714, "beta", 20, 10<<20, 1)
	waiting.Waits = "no space left on device\nsealed"
	return wordcount.Status{
		Workers: map[string]protocol.WorkerInfo{
			"a1": working(31078, "alpha", 1204, 3<<30, 1.2), "a2": working(31080, "alpha", 3, 40<<20, 41.4),
			"b1": working(4711, "beta", 300, 300<<20, 2), "b2": idle, "b3": waiting,
			"c1": {PID: 1, Host: "\x1b]0;host\a", State: "idle\n"},
		},
		PendingMaps: map[string]int{"a1": 3, "a2": 1, "b1": 2, "b3": 1, "killed": 5, "requeued": 1},
	}
}

func reported(st wordcount.Status) Status {
	r := Status{
		Job: "0123456789abcdef", Phase: "map", Input: "/var/log", Inputs: []string{"/var/log"}, Bytes: 3 << 30, Total: 40 << 30, Buried: []buriedReport{},
		Tasks: taskReport{Total: 12345, Done: 1527, Pending: st.Pending(), Abandoned: abandoned(st)}, Redis: redisReport{Kind: "process", Addr: "redis.sock"},
		Again: againReport{Redone: 9, Retries: 3, Taken: 2, Revoked: 4},
	}
	r.Workers = workersOf(st, []protocol.Held{
		{Consumer: "a1", Age: 300 * time.Millisecond}, {Consumer: "a1", Age: 1200 * time.Millisecond}, {Consumer: "a2", Age: 100 * time.Millisecond},
		{Consumer: "b1", Age: 11 * time.Second}, {Consumer: "b3", Age: time.Second}, {Consumer: "killed", Age: 1e6 * time.Second, Released: true},
	}, 10*time.Second)
	r.Hosts = hostsOf(r.Workers)
	return r
}

func TestAStatusShowsTheWorkersOfAllHosts(t *testing.T) {
	var text bytes.Buffer
	reported(seen()).Text(&text)
	golden(t, "status.golden", text.String())
	text.Reset()
	check.Must(t, reported(seen()).JSON(&text))
	golden(t, "status.json.golden", text.String())
}

func TestOfManyWorkersOnlyThoseWithTroubleAreListed(t *testing.T) {
	st := seen()
	for i := range 1000 {
		st.Workers[fmt.Sprintf("d%d", i)] = protocol.WorkerInfo{PID: i, Host: "delta", State: "working", Up: 40, Calls: protocol.CallCounts{Commits: 8}}
	}
	var text bytes.Buffer
	reported(st).Text(&text)
	golden(t, "status-many.golden", text.String())
}

func TestAWorkerIsAStragglerOnlyComparedWithTheOthers(t *testing.T) {
	for what, c := range map[string]struct {
		busy    float64
		commits int64
		tasks   int
		want    string
	}{
		"it holds nothing":                      {60, 100, 0, ""},
		"it is as slow as all":                  {29, 4, 1, ""},
		"it is slower":                          {31, 4, 1, straggler},
		"it is much slower, and no ten seconds": {9, 400, 1, ""},
		"nobody has committed anything":         {600, 0, 1, ""},
	} {
		st := wordcount.Status{PendingMaps: map[string]int{"a": c.tasks}, Workers: map[string]protocol.WorkerInfo{
			"a": {Up: 20, Busy: c.busy}, "b": {Up: 20, Calls: protocol.CallCounts{Commits: c.commits}},
		}}
		if got := workersOf(st, nil, time.Second)[0].Trouble; got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// Programs rely on the names.
func TestTheJSONOfAStatusHasItsNames(t *testing.T) {
	text, err := json.Marshal(reported(seen()))
	check.Must(t, err)
	var tree map[string]any
	check.Must(t, json.Unmarshal(text, &tree))
	for name, of := range map[string]any{
		"job phase tasks buried input bytes total keep redis workers hosts again skipped": tree,
		"total done pending abandoned maps mapped reduces reduced":                        tree["tasks"],
		"redone retries taken revoked replaced":                                           tree["again"],
		"id pid host state tasks done elsewhere failed bytes rate up busy lease":          tree["workers"].([]any)[1],
		"host workers working tasks done bytes rate lease trouble":                        tree["hosts"].([]any)[1],
	} {
		for _, name := range strings.Fields(name) {
			if _, ok := of.(map[string]any)[name]; !ok {
				t.Errorf("no %s in %v", name, of)
			}
		}
	}
}
