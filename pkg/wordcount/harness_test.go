package wordcount

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	allow "github.com/magereduce/magereduce/pkg/wordcount/history/check"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/pool"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
	"github.com/redis/go-redis/v9"
)

// The test binary is its own worker, and its own supervisor where one has to be killed; see also
// act.
const (
	workerVariable     = "WORDCOUNT_TEST_WORKER"
	supervisorVariable = "WORDCOUNT_TEST_SUPERVISOR"
)

// fullVariable asks for the sizes and times that the table of faults names, where the default run
// makes do with less.
const fullVariable = "WORDCOUNT_TEST_FULL"

// limit is how long any one thing may take, so that a test that waits in vain says so itself.
const limit = check.Limit

// atOnce is how many tests run at a time: they wait far more than they compute.
const atOnce = "4"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(workerVariable) != "":
		err := worker.Serve(os.Stdin, connectTestWorker)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(worker.ExitStatus(err))
	case os.Getenv(supervisorVariable) != "":
		leave(superviseAlone(os.Getenv(supervisorVariable)))
	case os.Getenv(actVariable) != "":
		leave(perform(os.Getenv(actVariable)))
	}
	flag.Set("test.parallel", atOnce) // what the command line says comes later, and wins
	os.Exit(m.Run())
}

func leave(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func connectTestWorker(spec worker.Spec) (redis.UniversalClient, error) {
	var e redisd.Endpoint
	if err := json.Unmarshal(spec.Server, &e); err != nil {
		return nil, err
	}
	rdb, err := e.Client(spec.Consumer)
	if err == nil {
		err = sabotageFromEnvironment(rdb)
	}
	return rdb, err
}

// rig is a job with a real server and a real team, and knobs for what goes wrong.
type rig struct {
	tb      testing.TB
	server  *redistest.Server
	rdb     redis.UniversalClient // the supervisor's
	probe   redis.UniversalClient // the test's own
	input   string
	plan    plan.Plan
	folder  state.Folder
	store   string         // of the map outputs
	s3      *s3test.Server // nil: the store isn't in S3
	objects string         // the folder in which that server has the store
	sup     *supervisor.Supervisor
	config  supervisor.Config // of sup
	team    *pool.Pool
	size    int
	lease   time.Duration
	faults  string
	release bool
	every   time.Duration
	harm    []sabotage // of the first workers, one each
	cursed  *sabotage  // of every worker

	contents map[string]string // of compressed files and of objects in S3, by their paths

	endpoint redisd.Endpoint        // where workers find the server
	program  atomic.Pointer[string] // what serves from the next start on, if not the one on PATH
	hired    atomic.Int32
	events   []reaction
	record   *history.Recorder // of this process; nil: nothing is recorded

	// What the supervisor calls; a test may put something else in their places before the job runs.
	reviveBy func(context.Context) error
	saved    func() error
	seen     func(protocol.Status)

	mu       sync.Mutex
	lines    []string
	commands []*exec.Cmd
}

// newRig makes a rig over files, given as name and content.
func newRig(tb testing.TB, files map[string]string) *rig {
	tb.Helper()
	return newRigOn(tb, redistest.Start(tb), files)
}

// newRigOn makes a rig on a server that others may use too.
func newRigOn(tb testing.TB, server *redistest.Server, files map[string]string) *rig {
	tb.Helper()
	r := &rig{tb: tb, server: server, size: 2, lease: worker.DefaultLease, release: true, every: never}
	r.rdb, r.probe, r.endpoint = server.Client(tb), server.Client(tb), server.Endpoint()
	r.input = tb.TempDir()
	for name, content := range files {
		path := filepath.Join(r.input, name)
		check.Must(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		check.Must(tb, os.WriteFile(path, []byte(content), 0o644))
	}
	r.folder, r.store = state.Folder{Dir: tb.TempDir()}, tb.TempDir()
	return r
}

// newWorkerOf makes a worker that may open any file.
func newWorkerOf(tb testing.TB, rdb redis.UniversalClient, spec worker.Spec) *worker.Worker {
	tb.Helper()
	if len(spec.Trust.Roots)+len(spec.Trust.Tasks) == 0 {
		spec.Trust = wordcounttest.AnyFile
	}
	w, err := worker.New(rdb, spec)
	check.Must(tb, err)
	return w
}

func (r *rig) event(e event.Event) {
	if e.Text != "" {
		r.say("%v", e)
	}
}

func (r *rig) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
	r.tb.Logf(format, args...)
}

// said counts the lines for people that hold a text.
func (r *rig) said(text string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// open is a handle of its own on the server: one must not be used by two at once, and the
// supervisor has one too.
func (r *rig) open() (*redisd.Server, error) {
	server, err := redisd.Open(redisd.Config{Dir: filepath.Dir(r.server.DataDir)})
	if program := r.program.Load(); err == nil && program != nil {
		server.Program = *program
	}
	return server, err
}

// revive starts the server again if it died, and loads the functions.
func (r *rig) revive(ctx context.Context) error {
	server, err := r.open()
	if err == nil {
		err = startServer(ctx, server, r.record)
	}
	if err == nil {
		_, err = protocol.Library.Load(ctx, r.rdb)
	}
	return err
}

// startServer starts a server that was just opened, unless it runs, and records that.
func startServer(ctx context.Context, server *redisd.Server, record *history.Recorder) error {
	return record.Restart(func() (restarted bool, err error) {
		before := server.Started
		err = server.Start(ctx)
		return !server.Started.Equal(before), err
	})
}

// recordIn records the calls of this process in a folder from now on.
func (r *rig) recordIn(dir string) {
	r.tb.Helper()
	if r.record == nil {
		r.record = &history.Recorder{}
		r.record.Attach(r.rdb)
		r.record.Attach(r.probe)
	}
	check.Must(r.tb, r.record.Turn(dir))
}

// allowed checks a history.
func allowed(tb interface{ Fatal(...any) }, dir string) {
	verdict, err := allow.Folder(dir, limit)
	if err == nil && len(verdict.Undecided) > 0 {
		err = errors.New(verdict.String())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// kill ends the server as a crash does.
func (r *rig) kill() {
	r.tb.Helper()
	server, err := r.open()
	if err == nil {
		err = server.Kill(context.Background())
	}
	if err != nil {
		r.tb.Errorf("kill redis: %v", err)
	}
}

// prepare plans the job and makes supervisor and team, without starting anything.
func (r *rig) prepare(o plan.Options) {
	r.tb.Helper()
	m, err := plan.Scan(r.tb.Context(), []string{r.input}, "", o)
	check.Must(r.tb, err)
	r.planned(plan.New(m, o))
}

// planned is prepare for a plan that the test made.
func (r *rig) planned(plan plan.Plan) {
	r.tb.Helper()
	r.plan = plan
	check.Must(r.tb, r.folder.Save(r.plan))
	endpoint, err := json.Marshal(r.endpoint)
	check.Must(r.tb, err)
	faults, err := worker.ParseFaults(r.faults)
	check.Must(r.tb, err)
	r.team = &pool.Pool{
		Size: r.size, Worker: worker.Spec{Job: r.plan.Job, Lease: r.lease, Server: endpoint, Store: r.store}, Faults: faults,
		Log: wordcounttest.Log{TB: r.tb}, Events: r.event, Command: r.command,
	}
	r.supervised(func(*supervisor.Config) {})
}

// supervised gives the job another supervisor, whose configuration is changed.
func (r *rig) supervised(change func(*supervisor.Config)) {
	r.config = supervisor.Config{
		Redis: r.rdb, Plan: r.plan, Folder: r.folder, Store: place.Store{Dir: r.store}, Durability: checkpoint.BGSave, Every: r.every, Events: r.event,
		Revive: func(ctx context.Context) error {
			if r.reviveBy != nil {
				return r.reviveBy(ctx)
			}
			return r.revive(ctx)
		},
		Saved: func() error {
			if r.saved != nil {
				return r.saved()
			}
			return nil
		},
		Seen: func(st protocol.Status) {
			if r.seen != nil {
				r.seen(st)
			}
		},
	}
	change(&r.config)
	r.sup = supervisor.New(r.config)
	r.team.Progress = r.sup.Progress
	if r.release {
		r.team.Release = r.sup.Release
	}
}

// command is a worker process, with what it is to do wrong.
func (r *rig) command() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), workerVariable+"=1")
	n := int(r.hired.Add(1)) - 1
	switch {
	case n < len(r.harm):
		cmd.Env = append(cmd.Env, r.harm[n].environment())
	case r.cursed != nil:
		cmd.Env = append(cmd.Env, r.cursed.environment())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commands = append(r.commands, cmd)
	return cmd
}

// run runs the job to its end, with its own team and checkpoints.
func (r *rig) run(ctx context.Context, o plan.Options) (state.Sealed, error) {
	r.tb.Helper()
	r.prepare(o)
	return r.runPrepared(ctx)
}

// runPrepared is run for a rig that was prepared, and changed perhaps.
func (r *rig) runPrepared(ctx context.Context) (state.Sealed, error) {
	return drive(ctx, r.sup, r.team)
}

// drive takes a supervisor and a team through the steps of a Job. A Job makes both itself, and the
// fault tests have replaced parts of them.
func drive(ctx context.Context, sup *supervisor.Supervisor, team *pool.Pool) (sealed state.Sealed, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	team.Fail = fail
	if err := sup.Seed(ctx); err != nil {
		return sealed, err
	}
	team.Worker.Trust = sup.Trust()
	if team.Worker.Store, err = sup.Store(); err != nil {
		return sealed, err
	}
	if err := team.Start(ctx); err != nil {
		return sealed, err
	}
	var loop sync.WaitGroup
	loop.Go(func() { sup.Checkpoints(ctx) })
	sealed, err = sup.Seal(ctx)
	fail(nil)
	loop.Wait()
	team.Stop()
	return sealed, err
}

// exact runs the job and checks its result against an independent count.
func (r *rig) exact(o plan.Options) state.Sealed {
	r.tb.Helper()
	r.prepare(o)
	return r.finishExactly()
}

// finishExactly is exact for a job that is prepared.
func (r *rig) finishExactly() state.Sealed {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	sealed, err := r.runPrepared(ctx)
	check.Must(r.tb, err)
	r.check(sealed)
	return sealed
}

// finishFailing runs a job that is prepared to an error: of this class, in one line that holds the
// words, and with nothing published.
func (r *rig) finishFailing(class error, words ...string) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := r.runPrepared(ctx)
	r.refused(err, class, words...)
}

// finishIncomplete is finishFailing for a job that can't be completed for a reason, which advice
// goes by.
func (r *rig) finishIncomplete(code protocol.Code, words ...string) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := r.runPrepared(ctx)
	r.refused(err, protocol.ErrIncomplete, words...)
	var why interface {
		error
		Code() protocol.Code
	}
	if !errors.As(err, &why) || why.Code() != code {
		r.tb.Errorf("%v is not an error of the code %s", err, code)
	}
}

// refused checks that the job ended with this error and published nothing.
func (r *rig) refused(err, class error, words ...string) {
	r.tb.Helper()
	check.IsError(r.tb, err, class, words...)
	if sealed, ok, err := r.folder.Sealed(r.plan.Job.ID); ok || err != nil {
		r.tb.Errorf("a result was published: %+v, %v", sealed, err)
	}
}

// underway is a job that runs beside its test.
type underway struct {
	*rig
	ended  chan struct{}
	sealed state.Sealed
	err    error
}

// start starts a job that is prepared; it ends with the test at the latest.
func (r *rig) start() *underway {
	u := &underway{rig: r, ended: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	go func() {
		defer close(u.ended)
		u.sealed, u.err = r.runPrepared(ctx)
	}()
	r.tb.Cleanup(func() {
		cancel()
		<-u.ended
	})
	return u
}

// exactly waits for the end and checks the result.
func (u *underway) exactly() state.Sealed {
	u.tb.Helper()
	<-u.ended
	check.Must(u.tb, u.err)
	u.check(u.sealed)
	return u.sealed
}

// until waits for an event while the job runs, and fails if the job ends without it.
func (u *underway) until(what string, happened func() bool) {
	u.tb.Helper()
	for !happened() {
		select {
		case <-u.ended:
			u.tb.Fatalf("the job ended (%v), and this never happened: %s", u.err, what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// status is where the job stands by the test's own client; the zero value if it can't be told.
func (r *rig) status() protocol.Status {
	st, _ := protocol.Client{Redis: r.probe, Job: r.plan.Job}.Status(context.Background())
	return st
}

// runID is the run that the folder works on, once the job is seeded.
func (r *rig) runID() string {
	run, known, err := r.folder.Run(r.plan.Job.ID)
	if err != nil || !known {
		return ""
	}
	return run
}

// reaction is something that a test does when the supervisor has seen the job in a state.
type reaction struct {
	seen func(protocol.Status) bool
	do   func(protocol.Status)
}

// whenSeen does something, once, as soon as the supervisor has seen the job in a state; meanwhile
// the supervisor does nothing else. Several happen in the order in which they are given, one at a
// look. A test in which one never happened fails.
func (r *rig) whenSeen(seen func(protocol.Status) bool, do func(protocol.Status)) {
	r.events = append(r.events, reaction{seen, do})
	if len(r.events) > 1 {
		return
	}
	r.seen = func(st protocol.Status) {
		if len(r.events) > 0 && r.events[0].seen(st) {
			next := r.events[0]
			r.events = r.events[1:]
			next.do(st)
		}
	}
	r.tb.Cleanup(func() {
		if n := len(r.events); n > 0 {
			r.tb.Errorf("%d faults never happened", n)
		}
	})
}

// stolen counts the tasks that were taken from workers that seemed dead.
func (r *rig) stolen() int { return r.status().Taken }

// serverRun is the identity of the server's present life.
func (r *rig) serverRun() string {
	r.tb.Helper()
	info, err := r.probe.InfoMap(context.Background(), "server").Result()
	check.Must(r.tb, err)
	return info["Server"]["run_id"]
}

// check compares the published result with bytes.Fields over whole files, as large as they were
// planned.
func (r *rig) check(sealed state.Sealed) {
	r.tb.Helper()
	want, tokens := map[string]uint64{}, uint64(0)
	for _, f := range r.plan.Manifest.Files {
		text, known := r.contents[f.Path]
		if !known {
			all, err := os.ReadFile(f.Path)
			check.Must(r.tb, err)
			text = string(all[:min(int64(len(all)), f.Size)])
		}
		for word := range strings.FieldsSeq(text) { // no list of them, because a text may have GiBs
			want[word]++
			tokens++
		}
	}
	// A client that failed to connect for some times in a row waits for a second before it tries again.
	check.Await(r.tb, "the server can be read", func() bool { return r.rdb.Ping(r.tb.Context()).Err() == nil })
	got := map[string]uint64{}
	var words []count.Entry
	for e, err := range r.result(sealed).Entries(r.tb.Context()) {
		check.Must(r.tb, err)
		got[e.Word], words = e.N, append(words, e)
	}
	if keep := r.plan.Job.Keep; keep > 0 {
		inSet := r.result(sealed)
		inSet.Job.Keep = 0
		var top []count.Entry
		for e, err := range inSet.Entries(r.tb.Context()) {
			if err == nil { // the last thing is that these aren't all words
				top = append(top, e)
			}
		}
		if !slices.Equal(top, words[:min(keep, len(words))]) {
			r.tb.Errorf("the sorted set has %v", top)
		}
	}
	if !maps.Equal(got, want) {
		r.tb.Errorf("%d distinct words counted, %d expected, or counts differ", len(got), len(want))
	}
	if sealed.Tokens != tokens || sealed.Distinct != len(want) {
		r.tb.Errorf("sealed %d words, %d distinct; expected %d and %d", sealed.Tokens, sealed.Distinct, tokens, len(want))
	}
}

// verify recounts the job's files and compares.
func (r *rig) verify(sealed state.Sealed) (result.Verdict, error) {
	counting, err := plan.ParseCounting(r.plan.Job.Counting)
	if err != nil {
		return result.Verdict{}, err
	}
	want, records, err := recount.Files(r.tb.Context(), r.plan.Manifest, counting, recount.Share{}, func(int64) {})
	if err != nil {
		return result.Verdict{}, err
	}
	counted := sealed.Tally
	if counted.Compressed, counted.Unpacked = 0, 0; counted != records {
		r.tb.Errorf("the tally has %v, and the recount %v", counted, records)
	}
	return r.result(sealed).Compare(r.tb.Context(), want, recount.Share{})
}

// result is the published result, as a reader in this folder finds it.
func (r *rig) result(sealed state.Sealed) result.Result {
	return result.Result{Redis: r.rdb, Job: r.plan.Job, Fence: sealed.Fence, Run: sealed.Run, Store: func(ctx context.Context, run string) (*shuffle.Store, error) {
		store, _, err := r.folder.Store(r.plan.Job.ID, run)
		if err != nil {
			return nil, err
		}
		return shuffle.Open(ctx, store.Dir)
	}}
}

// alive tells whether a process runs; one that ended and waits for its parent does not.
func alive(pid int) bool {
	state, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output() // fails if there is none
	return len(state) > 0 && state[0] != 'Z'
}

// raced tells whether the race detector watches the tests. It takes memory of its own.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
