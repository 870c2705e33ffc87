package wordcount

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// The sweep runs a small job once for each command that a worker or a supervisor sends, and once for
// each operation on the files of the store, and lets one thing go wrong there. Who does it is a
// process, with a proxy between it and Redis, and a double of the store: see sweep_files_test.go. All
// of it takes some minutes; by default one case of each kind is run, or every 23rd.
//
//	WORDCOUNT_SWEEP=full                              all of it
//	WORDCOUNT_SWEEP=worker/reduce/after/cut/commit.1  one case; each that fails prints its own line
const (
	sweepVariable = "WORDCOUNT_SWEEP"
	sweepSample   = 23
	sweepLanes    = 8
	sweepLease    = 250 * time.Millisecond
	sweepTries    = 3
	sweepEvery    = 20 * time.Millisecond // between checkpoints
)

// Some commands come by the clock: heartbeats, looks, the search for the dead, checkpoints. For
// these to come, and to come as often as the point says, the job must have something to wait for.
// To the worker it is a task that another one holds; to the supervisor it is all the work. That
// goes on after some rounds; if the accident waits for such a command, not before that has come, or
// many rounds have passed.
var sweepRounds = map[string]struct {
	command    string // that is sent once a round
	some, many int
}{
	"worker":     {"xreadgroup-wait", 3, 12},
	"supervisor": {"status", 3, 60},
}

// byClock are the commands that come again in each round, or with time.
var byClock = []string{
	"renew", "hmget", "xread", "xreadgroup-new", "xreadgroup-own", "xreadgroup-wait", "xautoclaim", "xpending",
	"status", "info-server-memory", "info-server-persistence", "bgsave",
}

var (
	sweepModes = map[string]plan.Options{
		"reduce": {Split: 24, Reducers: 2},
		"keep":   {Split: 24, Reducers: 2, Keep: 3},
		"live":   {Split: 24, Direct: true}, // each task's words straight into the sorted set
	}
	sweepFiles = map[string]string{
		"a": "one two two three three three four\u00a0four four four",
		"b": strings.Repeat("five ", 5) + "one seven seven\n",
		"c": "\n",
	}
	accidents = []string{
		"cut",      // the connection breaks
		"die",      // the process is killed, and another takes its place
		"kill",     // Redis is killed, and has nothing but what sealing saved
		"rollback", // Redis is killed, and has a checkpoint that is up to rollbackEvery commands old
	}
)

const rollbackEvery = 4

// accident is one case: what goes wrong, when, and at which command of whose connection.
type accident struct {
	side  string // worker or supervisor
	mode  string // see sweepModes
	when  string // before the command is forwarded; or after it ran, and its reply is lost
	what  string // see accidents, and fileAccidents
	point string // the command, as the proxy names it, or the operation on a file; "": nothing goes wrong
}

func (a accident) String() string {
	return strings.Join([]string{a.side, a.mode, a.when, a.what, a.point}, "/")
}

// parseAccident reads what String has written.
func parseAccident(text string) (a accident) {
	if f := strings.Split(text, "/"); len(f) == 5 {
		a = accident{f[0], f[1], f[2], f[3], f[4]}
	}
	return a
}

func TestAJobIsExactWhereverAnAccidentStrikes(t *testing.T) {
	draw := sample
	switch one := os.Getenv(sweepVariable); one {
	case "":
	case "full":
		draw = func(all []accident) []accident { return all }
	default:
		a := parseAccident(one)
		if a.point == "" {
			t.Fatalf("%s=%q is neither full nor a case", sweepVariable, one)
		}
		a.happen(t)
		return
	}
	var all []accident
	for _, side := range []string{"worker", "supervisor"} {
		for _, mode := range []string{"reduce", "keep", "live"} {
			points, files, _ := accident{side: side, mode: mode}.strike(t)
			t.Logf("%s, %s, %d commands: %s", side, mode, len(points), strings.Join(points, " "))
			t.Logf("%s, %s, %d operations on files: %s", side, mode, len(files), strings.Join(files, " "))
			for _, when := range []string{"before", "after"} {
				for _, what := range accidents {
					for _, point := range points {
						all = append(all, accident{side, mode, when, what, point})
					}
				}
				for _, what := range fileAccidents {
					for _, point := range files {
						if a := (accident{side, mode, when, what, point}); a.possible() {
							all = append(all, a)
						}
					}
				}
			}
		}
	}
	chosen := draw(all)
	t.Logf("%d of %d cases", len(chosen), len(all))
	// A case waits most of its time, for leases and for servers: more than GOMAXPROCS of them fit
	// beside one another.
	var lanes sync.WaitGroup
	var cases, struck atomic.Int32
	defer func() {
		lanes.Wait()
		t.Logf("struck %d of %d", struck.Load(), cases.Load()) // each of the others has failed
	}()
	for lane := range sweepLanes {
		lanes.Go(func() {
			for i := lane; i < len(chosen); i += sweepLanes {
				cases.Add(1)
				t.Run(chosen[i].String(), func(t *testing.T) {
					if chosen[i].happen(t) {
						struck.Add(1)
					}
				})
			}
		})
	}
}

// sample returns every 23rd case of each kind, and at least one. The kinds begin at different cases.
func sample(all []accident) (some []accident) {
	var kinds []string
	cases := map[string][]accident{}
	for _, a := range all {
		if len(cases[a.kind()]) == 0 {
			kinds = append(kinds, a.kind())
		}
		cases[a.kind()] = append(cases[a.kind()], a)
	}
	for k, kind := range kinds {
		n := len(cases[kind])
		for i := 0; i < n; i += sweepSample {
			some = append(some, cases[kind][(k+i)%n])
		}
	}
	return some
}

// kind is what all cases have in common of which the sample has one: the accident, and on files the
// operation, too.
func (a accident) kind() string {
	if a.onFiles() {
		return strings.Join([]string{a.side, a.what, kindOf(a.point)}, " ")
	}
	return strings.Join([]string{a.side, a.mode, a.when, a.what}, " ")
}

// happen runs the job until the accident has happened: a command may not come if another one was
// faster. One that never happens is a failure, for it has shown nothing.
func (a accident) happen(t *testing.T) bool {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: %s=%s go test -race -count=1 -run '^TestAJobIsExactWhereverAnAccidentStrikes$' ./pkg/wordcount",
				sweepVariable, a)
		}
	})
	for range sweepTries {
		if _, _, happened := a.strike(t); happened {
			return true
		}
	}
	if a.onFiles() && !strings.HasSuffix(a.point, ".1") {
		t.Skip("how many map outputs there are, and with words of which partitions, depends on who is faster and on the run")
	}
	switch kindOf(a.point) {
	case "hello", "client-setname":
		t.Skip("so many connections at a time come by chance")
	case "info-server-persistence":
		t.Skip("how often a save is looked at depends on how long it takes")
	case "watch", "place", "multi", "zadd", "put", "exec":
		t.Skip("which words a partition has depends on the run")
	case "xrange":
		t.Skip("another worker is late by chance, and its task is done a second time")
	}
	t.Errorf("%s was never reached", a.point)
	return false
}

// strike runs the job with its accident, and requires that it ends exact. It returns the commands
// that the side sent, what it did to files, and whether one of these was the accident's.
func (a accident) strike(t *testing.T) (points, files []string, happened bool) {
	s := &scene{accident: a, rig: newRig(t, sweepFiles), struck: make(chan struct{}), free: make(chan struct{})}
	s.trace = fileTrace(filepath.Join(t.TempDir(), "trace"))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	s.ctx = ctx
	s.patient = slices.Contains(byClock, kindOf(a.point))
	s.history = filepath.Join(t.TempDir(), "history")
	s.recordIn(s.history)
	s.every = often
	s.prepare(sweepModes[a.mode])
	s.proxy = wordcounttest.NewProxy(t, s.server.Addr, s.at)

	defer func() { stop(); s.left.Wait() }()
	worked := make(chan struct{})
	var sealed state.Sealed
	var err error
	if a.side == "worker" {
		check.Must(t, s.sup.Seed(ctx)) // or the worker's first commands would depend on who is faster
		s.bequeath()
		s.left.Go(func() { defer close(worked); s.work() })
		sealed, err = s.sup.Seal(ctx)
	} else {
		s.left.Go(func() { defer close(worked); s.workHere() })
		sealed, err = s.supervise()
	}
	check.Must(t, err)

	// The last command of all is the worker's look that tells it to leave. Only if Redis dies
	// there, it can't.
	select {
	case <-worked:
	case <-s.struck:
	}
	stop()
	s.left.Wait()
	check.Must(t, s.revive(t.Context())) // if the server is dead: what was sealed is durable
	check.Must(t, s.record.Note(history.Sealed, s.plan.Job.ID, sealed.Run, sealed.Fence))
	allowed(t, s.history)
	if a.mode == "keep" && a.harms() && s.isLost(sealed) {
		check.Must(t, s.record.Turn(""))
		sealed = s.exact(sweepModes[a.mode]) // the next run counts anew
	}
	s.check(sealed)
	return s.proxy.Points(), s.trace.lines(), s.happened()
}

// isLost tells whether a result file is lost. It may be harmed after the last look that sealing took at
// it. Then its readers must say so.
func (s *scene) isLost(sealed state.Sealed) bool {
	for _, err := range s.result(sealed).Entries(s.tb.Context()) {
		if err != nil {
			check.IsError(s.tb, err, protocol.ErrNoResult)
			return true
		}
	}
	return false
}

// scene is a rig with an accident about to happen.
type scene struct {
	accident
	*rig
	ctx     context.Context
	left    sync.WaitGroup // all who are at work beside the test
	proxy   *wordcounttest.Proxy
	trace   fileTrace
	history string        // folder of the histories of all processes
	patient bool          // it happens at a command that comes by the clock
	struck  chan struct{} // closed when it has happened
	free    chan struct{} // closed when the job need not wait any longer

	mu     sync.Mutex
	victim *os.Process // behind the proxy
	ahead  int         // commands seen
	rounds int
	freed  bool
	kept   bool // a task, by the other worker
}

func (s *scene) happened() bool {
	select {
	case <-s.struck:
		return true
	default:
		return s.onFiles() && s.trace.struck()
	}
}

// at hears of each command of the process behind the proxy, and tells whether to cut its
// connection.
func (s *scene) at(point string, before bool) (cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.happened() {
		s.release()
		return false
	}
	kind, rounds := kindOf(point), sweepRounds[s.side]
	if before && kind == rounds.command {
		s.rounds++
	}
	if s.rounds >= rounds.some && !s.patient || s.rounds >= rounds.many {
		s.release()
	}
	if kind == "commit" && !before && !s.kept && s.status().Phase == "reduce" {
		s.keep("reduce")
	}
	if s.point == "" {
		return false
	}
	if before && s.what == "rollback" {
		if s.ahead++; s.ahead%rollbackEvery == 0 {
			s.try(supervisor.New(supervisor.Config{Redis: s.rdb, Plan: s.plan}).Checkpoint(s.ctx))
		}
	}
	if point != s.point || s.onFiles() || before != (s.when == "before") {
		return false
	}
	switch s.what {
	case "die":
		s.victim.Kill()
		s.proxy.Close() // and the worker that takes its place comes another way
	case "kill", "rollback":
		server := *s.server.Server // one may not be used by two goroutines
		if err := server.Kill(s.ctx); err != nil {
			if s.ctx.Err() == nil {
				s.tb.Error(err)
			}
			return false // the job ended first, so the accident came too late
		}
	}
	close(s.struck)
	s.release()
	return true
}

// release lets the job go on. Only with the lock held.
func (s *scene) release() {
	if !s.freed {
		s.freed = true
		close(s.free)
	}
}

// goOn is release for who doesn't hold the lock.
func (s *scene) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
}

// try is must for other goroutines than the test's. Once the job has ended, errors mean nothing.
func (s *scene) try(err error) {
	if err != nil && s.ctx.Err() == nil {
		s.tb.Error(err)
	}
}

// bequeath leaves the worker what others have begun: of one it knows at once that it is dead; of
// one it can only tell by its silence, for the clock was set back; and one lives.
func (s *scene) bequeath() {
	_, err := s.hold("map", "silent")
	check.Must(s.tb, err)
	s.postpone("map", time.Hour)
	_, err = s.hold("map", "dead")
	check.Must(s.tb, err)
	_, err = protocol.Client{Redis: s.probe, Job: s.plan.Job}.Release(s.ctx, s.runID(), "dead", true)
	check.Must(s.tb, err)
	if s.plan.Job.Reducers == 0 {
		s.keep("map") // else a reduce task, once there are any: of a map task there would be a backup
	}
}

// hold lets somebody have the next task of a stream.
func (s *scene) hold(stream protocol.Stream, consumer string) (task int, err error) {
	tasks, err := wordcounttest.Take(s.ctx, protocol.Client{Redis: s.probe, Job: s.plan.Job}, stream, consumer, 1)
	if err == nil && len(tasks) == 0 {
		err = fmt.Errorf("%s finds no task", consumer)
	}
	if err != nil {
		return 0, err
	}
	return tasks[0], nil
}

// keep is the other worker, which holds a task, and lives, until the job is free to go on.
func (s *scene) keep(stream protocol.Stream) {
	s.kept = true
	task, err := s.hold(stream, "other")
	s.try(err)
	s.left.Go(func() {
		p := protocol.Client{Redis: s.probe, Job: s.plan.Job}
		for beat := 0; ; beat++ {
			p.Renew(s.ctx, s.runID(), "other", protocol.WorkerInfo{Beat: beat}, stream, []int{task}) // Redis may be dead
			select {
			case <-s.ctx.Done():
				return
			case <-s.free:
				p.Release(s.ctx, s.runID(), "other", false) // likewise: then its lease runs out
				return
			case <-time.After(sweepLease / 3):
			}
		}
	})
}

// work is a team of one worker, a process behind the proxy. One that dies or fails has a successor,
// until the job is sealed or all must end.
func (s *scene) work() {
	for n := 0; s.ctx.Err() == nil; n++ {
		err := s.act(act{Consumer: fmt.Sprint("worker ", n)})
		if err == nil {
			return
		}
		s.say("worker %d: %v", n, err)
		if died(err) {
			s.goOn()
			s.workHere()
			return
		}
	}
}

// workHere is a team of one worker that nothing happens to, once the job is free to go on.
func (s *scene) workHere() {
	select {
	case <-s.free:
	case <-s.ctx.Done():
	}
	for n := 0; s.ctx.Err() == nil; n++ {
		w := newWorkerOf(s.tb, s.rdb, worker.Spec{Job: s.plan.Job, Consumer: fmt.Sprint("successor ", n), Lease: sweepLease, StoreWords: sweepChunk, Store: s.store})
		err := w.Run(s.ctx)
		if err == nil {
			return
		}
		s.say("successor %d: %v", n, err)
	}
}

// supervise sees the job through, in a process behind the proxy. If that dies it has a successor in
// the same folder.
func (s *scene) supervise() (state.Sealed, error) {
	err := s.act(act{Redisd: redisd.Config{Dir: filepath.Dir(s.server.DataDir)}, Folder: s.folder})
	if err == nil {
		sealed, _, err := s.folder.Sealed(s.plan.Job.ID)
		return sealed, err
	}
	// A run whose store can't be prepared ends, and says that it can be tried again.
	again := died(err) && s.what == "die" || s.onFiles() && strings.Contains(err.Error(), "mend that, then try again")
	if !again {
		return state.Sealed{}, err
	}
	s.goOn()
	if err := s.sup.Seed(s.ctx); err != nil {
		return state.Sealed{}, err
	}
	return s.sup.Seal(s.ctx)
}

const (
	actVariable = "WORDCOUNT_TEST_ACT"
	sweepChunk  = 3 // words in one call that stores totals
)

// act is what a process behind the proxy is to be: a worker if it has a name, else a supervisor.
type act struct {
	Redis    redisd.Endpoint
	Job      protocol.Job
	Consumer string
	Redisd   redisd.Config
	Folder   state.Folder
	Store    string

	Accident string
	Trace    fileTrace // of operations on files
}

// act runs a process behind the proxy to its end.
func (s *scene) act(a act) error {
	a.Redis, a.Job, a.Store, a.Accident, a.Trace = s.server.Given(), s.plan.Job, s.store, s.String(), s.trace
	a.Redis.URL = "redis://" + s.proxy.Addr() + "/0"
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(s.ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), actVariable+"="+string(text), history.Variable+"="+s.history)
	var said bytes.Buffer
	cmd.Stderr = &said
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer lifeline.Close()
	s.mu.Lock()
	err = cmd.Start()
	s.victim = cmd.Process
	s.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// perform is the whole life of such a process. It ends with its standard input at the latest.
func perform(text string) error {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	var a act
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return err
	}
	strikeAtFiles(parseAccident(a.Accident), a.Store, a.Trace)
	rdb, err := a.Redis.Client("attacked")
	if err != nil {
		return err
	}
	record, err := history.FromEnvironment()
	if err != nil {
		return err
	}
	record.Attach(rdb)
	ctx := context.Background()
	if a.Consumer != "" {
		w, err := worker.New(rdb, worker.Spec{Job: a.Job, Consumer: a.Consumer, Lease: sweepLease, Trust: wordcounttest.AnyFile, StoreWords: sweepChunk, Store: a.Store})
		if err != nil {
			return err
		}
		return w.Run(ctx)
	}
	plan, err := a.Folder.Load(a.Job.ID)
	if err != nil {
		return err
	}
	config := supervisor.Config{
		Redis: rdb, Plan: plan, Folder: a.Folder, Store: place.Store{Dir: a.Store}, Durability: checkpoint.BGSave, Every: sweepEvery,
		Events: func(e event.Event) { fmt.Fprintln(os.Stderr, e) },
		Revive: func(ctx context.Context) error {
			server, err := redisd.Open(a.Redisd)
			if err == nil {
				err = startServer(ctx, server, record)
			}
			if err == nil {
				_, err = protocol.Library.Load(ctx, rdb)
			}
			return err
		},
	}
	s := supervisor.New(config)
	if err := s.Seed(ctx); err != nil {
		return err
	}
	go saveOnAndOn(ctx, config)
	_, err = s.Seal(ctx)
	return err
}

// saveOnAndOn takes one checkpoint after the other, though nothing is done in between: each is the
// first that some supervisor takes.
func saveOnAndOn(ctx context.Context, config supervisor.Config) {
	for ctx.Err() == nil {
		one, taken := context.WithCancel(ctx)
		config.Saved = func() error { taken(); return nil }
		supervisor.New(config).Checkpoints(one)
		taken()
	}
}

// died tells whether a process was killed, or crashed as Go programs do.
func died(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == -1 || exit.ExitCode() == 2)
}
