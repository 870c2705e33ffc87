package wordcount

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// The test binary is its own worker, and its own supervisor where one has to be killed; see also act.
const (
	workerVariable     = "WORDCOUNT_TEST_WORKER"
	supervisorVariable = "WORDCOUNT_TEST_SUPERVISOR"
)

// fullVariable asks for the sizes and times that the table of faults names, where the default run makes do with less.
const fullVariable = "WORDCOUNT_TEST_FULL"

// limit is how long any one thing may take, so that a test that waits in vain says so itself.
const limit = 2 * time.Minute

// atOnce is how many tests run at a time: they wait far more than they compute.
const atOnce = "4"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(workerVariable) != "":
		err := ServeWorker(os.Stdin, connectWorker)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(WorkerStatus(err))
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

func connectWorker(spec WorkerSpec) (redis.UniversalClient, error) {
	var e redisd.Endpoint
	if err := json.Unmarshal(spec.Redis, &e); err != nil {
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
	plan    Plan
	folder  Folder
	sup     *Supervisor
	team    *Team
	size    int
	lease   time.Duration
	faults  string
	release bool
	every   time.Duration
	harm    []sabotage // of the first workers, one each
	cursed  *sabotage  // of every worker

	endpoint redisd.Endpoint        // where workers find the server
	program  atomic.Pointer[string] // what serves from the next start on, if not the one on PATH
	hired    atomic.Int32
	events   []event

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
	r := &rig{tb: tb, server: server, size: 2, lease: DefaultLease, release: true, every: 50 * time.Millisecond}
	r.rdb, r.probe, r.endpoint = server.Client(tb), server.Client(tb), server.Endpoint()
	r.input = tb.TempDir()
	for name, content := range files {
		path := filepath.Join(r.input, name)
		must(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		must(tb, os.WriteFile(path, []byte(content), 0o644))
	}
	r.folder = Folder{tb.TempDir()}
	return r
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
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

// open is a handle of its own on the server: one must not be used by two at once, and the supervisor has one too.
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
		err = server.Start(ctx)
	}
	if err == nil {
		_, err = Library.Load(ctx, r.rdb)
	}
	return err
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
func (r *rig) prepare(o Options) {
	r.tb.Helper()
	m, err := Scan(r.input, "", o.Selection)
	must(r.tb, err)
	r.planned(NewPlan(m, o))
}

// planned is prepare for a plan that the test made.
func (r *rig) planned(plan Plan) {
	r.tb.Helper()
	r.plan = plan
	must(r.tb, r.folder.Save(r.plan))
	r.sup = &Supervisor{
		Redis: r.rdb, Plan: r.plan, Folder: r.folder, Durability: BGSave, Every: r.every, Say: r.say, Revive: r.revive,
	}
	r.sup.Prepare()
	endpoint, err := json.Marshal(r.endpoint)
	must(r.tb, err)
	faults, err := ParseFaults(r.faults)
	must(r.tb, err)
	r.team = &Team{
		Size: r.size, Lease: r.lease, Faults: faults, Job: r.plan.Job, Redis: endpoint, Log: testLog{r.tb}, Say: r.say,
		Progress: r.sup.progress.Load, Command: r.command,
	}
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

// testLog shows what workers say where it belongs.
type testLog struct{ tb testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.tb.Logf("worker: %s", bytes.TrimRight(p, "\n"))
	return len(p), nil
}

// run runs the job to its end, with its own team and checkpoints.
func (r *rig) run(ctx context.Context, o Options) (Sealed, error) {
	r.tb.Helper()
	r.prepare(o)
	return r.runPrepared(ctx)
}

// runPrepared is run for a rig that was prepared, and changed perhaps.
func (r *rig) runPrepared(ctx context.Context) (Sealed, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r.team.Fail = fail
	if err := r.sup.Seed(ctx); err != nil {
		return Sealed{}, err
	}
	r.team.Trust = r.sup.Trust()
	if err := r.team.Start(ctx); err != nil {
		return Sealed{}, err
	}
	var loop sync.WaitGroup
	loop.Go(func() { r.sup.Checkpoints(ctx) })
	sealed, err := r.sup.Seal(ctx)
	fail(nil)
	loop.Wait()
	r.team.Stop()
	return sealed, err
}

// exact runs the job and checks its result against an independent count.
func (r *rig) exact(o Options) Sealed {
	r.tb.Helper()
	r.prepare(o)
	return r.finishExactly()
}

// finishExactly is exact for a job that is prepared.
func (r *rig) finishExactly() Sealed {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	sealed, err := r.runPrepared(ctx)
	must(r.tb, err)
	r.check(sealed)
	return sealed
}

// finishFailing runs a job that is prepared to an error: of this class, in one line that holds the words, and with
// nothing published.
func (r *rig) finishFailing(class error, words ...string) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := r.runPrepared(ctx)
	r.refused(err, class, words...)
}

// refused checks that the job ended with this error and published nothing.
func (r *rig) refused(err, class error, words ...string) {
	r.tb.Helper()
	isError(r.tb, err, class, words...)
	if sealed, ok, err := r.folder.Sealed(r.plan.Job.ID); ok || err != nil {
		r.tb.Errorf("a result was published: %+v, %v", sealed, err)
	}
}

// isError checks the class of an error, and that it is one line that holds the words.
func isError(tb testing.TB, err, class error, words ...string) {
	tb.Helper()
	if !errors.Is(err, class) {
		tb.Fatalf("got %v, want an error of the class %q", err, class)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			tb.Errorf("%q doesn't say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		tb.Errorf("%q is more than one line", err)
	}
}

// underway is a job that runs beside its test.
type underway struct {
	*rig
	ended  chan struct{}
	sealed Sealed
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
func (u *underway) exactly() Sealed {
	u.tb.Helper()
	<-u.ended
	must(u.tb, u.err)
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
		case <-time.After(time.Millisecond):
		}
	}
}

// status is where the job stands by the test's own client; the zero value if it can't be told.
func (r *rig) status() Status {
	st, _ := protocol{r.probe, r.plan.Job}.status(context.Background())
	return st
}

// event is something that a test does when the supervisor has seen the job in a state.
type event struct {
	seen func(Status) bool
	do   func(Status)
}

// whenSeen does something, once, as soon as the supervisor has seen the job in a state; meanwhile the supervisor does
// nothing else. Several happen in the order in which they are given, one at a look. A test in which one never happened
// fails.
func (r *rig) whenSeen(seen func(Status) bool, do func(Status)) {
	r.events = append(r.events, event{seen, do})
	if len(r.events) > 1 {
		return
	}
	r.sup.Seen = func(st Status) {
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
func (r *rig) stolen() int {
	fields, err := r.probe.HKeys(context.Background(), r.plan.Job.Key("attempts")).Result()
	must(r.tb, err)
	n := 0
	for _, field := range fields {
		if strings.HasSuffix(field, " by") {
			n++
		}
	}
	return n
}

// serverRun is the identity of the server's present life.
func (r *rig) serverRun() string {
	r.tb.Helper()
	info, err := r.probe.Info(context.Background(), "server").Result()
	must(r.tb, err)
	return infoField(info, "run_id")
}

// check compares the published result with bytes.Fields over whole files, as large as they were planned.
func (r *rig) check(sealed Sealed) {
	r.tb.Helper()
	want, tokens := map[string]uint64{}, uint64(0)
	for _, f := range r.plan.Manifest.Files {
		text, err := os.ReadFile(f.Path)
		must(r.tb, err)
		for _, word := range bytes.Fields(text[:min(int64(len(text)), f.Size)]) {
			want[string(word)]++
			tokens++
		}
	}
	got := map[string]uint64{}
	for e, err := range (Result{r.rdb, r.plan.Job, sealed.Fence}).Entries(r.tb.Context()) {
		must(r.tb, err)
		got[e.Word] = e.N
	}
	if !maps.Equal(got, want) {
		r.tb.Errorf("%d distinct words counted, %d expected, or counts differ", len(got), len(want))
	}
	if sealed.Tokens != tokens || sealed.Distinct != len(want) {
		r.tb.Errorf("sealed %d words, %d distinct; expected %d and %d", sealed.Tokens, sealed.Distinct, tokens, len(want))
	}
}

// alive tells whether a process runs; one that ended and waits for its parent does not.
func alive(pid int) bool {
	state, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output() // fails if there is none
	return len(state) > 0 && state[0] != 'Z'
}
