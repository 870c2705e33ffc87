package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

var updating = flag.Bool("update", false, "write the golden files anew")

var began = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

// awkward is a host whose name would end a label.
const awkward = "evil\"} 1\nwordcount_fake 1\\\xff"

// watched serves nothing, but has seen a job with workers that died, and with one that says what it
// likes.
func watched() *Server {
	s := &Server{
		config: Config{Job: "0123456789abcdef", Bytes: 4000, Tasks: 14},
		job:    job{said: map[string]protocol.WorkerInfo{}, heard: map[string]time.Time{}},
	}
	see := func(after time.Duration, st protocol.Status, own Own) {
		st.Run, st.Maps, st.Reducers = "run", 10, 4
		s.job.see(st, own, began.Add(after))
	}
	see(0, protocol.Status{Phase: protocol.Mapping, Taken: 2, Workers: map[string]protocol.WorkerInfo{
		"killed": {Host: "a", State: "working", Beat: 1, Tasks: 3, Bytes: 300, Calls: protocol.CallCounts{Trips: 10, Commits: 2, CommitSeconds: 0.5}},
		"silent": {Host: "a", State: "working", Beat: 1},
		"liar":   {Host: awkward, State: "sleeping", Beat: 1, Tasks: 5, Elsewhere: 2, Calls: protocol.CallCounts{Failed: 1}},
	}}, Own{})
	see(time.Minute, protocol.Status{
		Phase: protocol.Mapping, Mapped: 6, Bytes: 2500, Tokens: 123, Buried: 1, Taken: 5, Revoked: 2, PendingMaps: map[string]int{"new": 2, "silent": 1},
		Workers: map[string]protocol.WorkerInfo{
			"new":    {Host: "a", State: "working", Beat: 3, Tasks: 4, Bytes: 400, Calls: protocol.CallCounts{Trips: 5, Commits: 1, CommitSeconds: 0.25}},
			"silent": {Host: "a", State: "working", Beat: 1},
			"liar":   {Host: awkward, State: "sleeping", Beat: 2, Tasks: -1 << 62, Elsewhere: 2},
		},
	}, Own{Restarts: 1, RedisRestarts: 2, Checkpoints: 3})
	return s
}

func text(s *Server) string {
	var b bytes.Buffer
	s.write(&b, asked{
		held: []protocol.Held{
			{Consumer: "new", Age: 1500 * time.Millisecond}, {Consumer: "silent", Age: 61 * time.Second}, {Consumer: "gone", Age: 3e9 * time.Second, Released: true},
			{Consumer: "liar", Age: time.Second},
		},
		records: &protocol.Tally{Records: 100, Missing: 8, Null: 1, Nested: 2, Malformed: 3},
	}, began.Add(time.Minute+2*time.Second))
	return b.String()
}

func TestMetricsTellWhatWasSeenOfAJob(t *testing.T) {
	path, got := filepath.Join("testdata", "metrics.golden"), text(watched())
	if *updating {
		check.Must(t, os.MkdirAll("testdata", 0o755))
		check.Must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	check.Must(t, err)
	if got != string(want) {
		t.Errorf("it says\n%s", got)
	}
	if strings.Contains(got, "\nwordcount_fake") {
		t.Error("the name of a host has become a metric")
	}
}

func TestACounterNeverFalls(t *testing.T) {
	s := watched()
	before := s.job.sums
	s.job.see(protocol.Status{Run: "run", Taken: 1, Revoked: 1}, Own{}, began)         // a rollback
	s.job.see(protocol.Status{Run: "another run", Taken: 0, Revoked: 0}, Own{}, began) // began anew
	if s.job.sums != before {
		t.Errorf("%+v became %+v", before, s.job.sums)
	}
	s.job.see(protocol.Status{Run: "another run", Taken: 2, Revoked: 3}, Own{}, began)
	if lost, revoked := s.job.sums.lost-before.lost, s.job.sums.revoked-before.revoked; lost != 2 || revoked != 3 {
		t.Errorf("%v lost and %v revoked, 2 and 3 were", lost, revoked)
	}
}

func TestWorkersThatSomebodyInventsTakeBoundedMemory(t *testing.T) {
	s, crowd := watched(), map[string]protocol.WorkerInfo{}
	for i := range 2 * mostWorkers {
		crowd[string(rune(i))+strings.Repeat("x", i%3)] = protocol.WorkerInfo{}
	}
	s.job.see(protocol.Status{Workers: crowd}, Own{}, began)
	if n := len(s.job.said); n != mostWorkers {
		t.Errorf("%d workers are remembered", n)
	}
}

func TestPromtoolFindsNothingToComplainOf(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text(watched()))
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}

func TestMetricsAreOnTheLoopbackUnlessTheAddressSaysOtherwise(t *testing.T) {
	for text, want := range map[string]string{
		"9464": "127.0.0.1:9464", ":9464": "127.0.0.1:9464", "0": "127.0.0.1:0", "localhost:1": "localhost:1",
		"0.0.0.0:9464": "0.0.0.0:9464", "[::]:9464": "[::]:9464", "[::1]:9464": "[::1]:9464",
	} {
		if got, err := ParseAddr(text); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":", "host", "host:", "1.2.3.4", "65536", "-1", "1:2:3", "host:http", "http://host:1", "1 "} {
		if got, err := ParseAddr(text); err == nil {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestAServerAnswersUntilItIsClosedAlsoWithoutRedis(t *testing.T) {
	_, err := Serve(Config{Addr: "everywhere"})
	check.IsError(t, err, protocol.ErrInput, "write a port")
	c := Config{Addr: "0", Held: func(context.Context, int) ([]protocol.Held, error) { return nil, errors.New("no Redis") }}
	s, err := Serve(c)
	check.Must(t, err)
	c.Addr = s.listener.Addr().String()
	_, err = Serve(c)
	check.IsError(t, err, protocol.ErrInput, c.Addr)
	get := func(method, url string) (status int, text string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		check.Must(t, err)
		r, err := http.DefaultClient.Do(request)
		check.Must(t, err)
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		check.Must(t, err)
		return r.StatusCode, string(body)
	}
	if status, text := get("GET", s.URL()); status != 200 || !strings.Contains(text, "\nwordcount_input_bytes 0\n") || strings.Contains(text, "lease") {
		t.Errorf("it answers %d:\n%s", status, text)
	}
	for _, wrong := range [][2]string{{"POST", s.URL()}, {"GET", "http://" + c.Addr + "/"}, {"GET", s.URL() + "/more"}} {
		if status, text := get(wrong[0], wrong[1]); status < 400 {
			t.Errorf("%v is answered %d: %s", wrong, status, text)
		}
	}
	s.Close()
	if _, err := http.Get(s.URL()); err == nil {
		t.Error("it answers after its end")
	}
}

func TestRedisIsAskedOnceHoweverManyLook(t *testing.T) {
	var times atomic.Int64
	s := &Server{config: Config{
		Held:      func(context.Context, int) ([]protocol.Held, error) { times.Add(1); return nil, nil },
		Committed: func(context.Context) (protocol.Tally, error) { return protocol.Tally{Records: 7}, nil },
	}}
	began := time.Now()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got := s.ask(); got.records == nil || got.records.Records != 7 {
				t.Errorf("the answer is %+v", got)
			}
		})
	}
	all.Wait()
	if most := int64(time.Since(began)/askEvery) + 1; times.Load() > most {
		t.Errorf("Redis was asked %d times, and %d may be", times.Load(), most)
	}
}
