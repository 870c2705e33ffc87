package wordcount

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// The test binary is its own worker.
const workerVariable = "WORDCOUNT_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		err := ServeWorker(os.Stdin, func(spec WorkerSpec) (redis.UniversalClient, error) {
			var e redisd.Endpoint
			if err := json.Unmarshal(spec.Redis, &e); err != nil {
				return nil, err
			}
			return e.Client(spec.Consumer)
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// rig is a job with a real server and a real team, and knobs for what goes wrong.
type rig struct {
	tb      testing.TB
	server  *redistest.Server
	rdb     redis.UniversalClient
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

	mu    sync.Mutex
	lines []string
}

// newRig makes a rig over files, given as name and content.
func newRig(tb testing.TB, files map[string]string) *rig {
	tb.Helper()
	return newRigOn(tb, redistest.Start(tb), files)
}

// newRigOn is newRig on a server that is there already.
func newRigOn(tb testing.TB, server *redistest.Server, files map[string]string) *rig {
	tb.Helper()
	r := &rig{tb: tb, server: server, size: 2, lease: DefaultLease, release: true, every: 50 * time.Millisecond}
	r.rdb = r.server.Client(tb)
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

// prepare plans the job and makes supervisor and team, without starting anything.
func (r *rig) prepare(o Options) {
	r.tb.Helper()
	m, err := Scan(r.input, "", func(string, string) {})
	must(r.tb, err)
	r.plan = NewPlan(m, o)
	must(r.tb, r.folder.Save(r.plan))
	r.sup = &Supervisor{
		Redis: r.rdb, Plan: r.plan, Folder: r.folder, Durability: BGSave, Every: r.every, Say: r.say,
		Revive: func(ctx context.Context) error {
			if err := r.server.Server.Start(ctx); err != nil {
				return err
			}
			_, err := Library.Load(ctx, r.rdb)
			return err
		},
	}
	r.sup.Prepare()
	endpoint, err := json.Marshal(r.server.Endpoint())
	must(r.tb, err)
	faults, err := ParseFaults(r.faults)
	must(r.tb, err)
	r.team = &Team{
		Size: r.size, Lease: r.lease, Faults: faults, Job: r.plan.Job, Redis: endpoint, Log: testLog{r.tb}, Say: r.say,
		Progress: r.sup.progress.Load,
		Command: func() *exec.Cmd {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), workerVariable+"=1")
			return cmd
		},
	}
	if r.release {
		r.team.Release = r.sup.Release
	}
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
	r.tb.Helper()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r.team.Fail = fail
	if err := r.sup.Seed(ctx); err != nil {
		return Sealed{}, err
	}
	must(r.tb, r.team.Start(ctx))
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sealed, err := r.run(ctx, o)
	must(r.tb, err)
	r.check(sealed)
	return sealed
}

// check compares the published result with bytes.Fields over whole files.
func (r *rig) check(sealed Sealed) {
	r.tb.Helper()
	want, tokens := map[string]uint64{}, uint64(0)
	for _, f := range r.plan.Manifest.Files {
		text, err := os.ReadFile(f.Path)
		must(r.tb, err)
		for _, word := range bytes.Fields(text) {
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
