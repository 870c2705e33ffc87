package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/combine"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

var (
	atScale      = flag.Bool("scale", false, "run a job of many workers, and print what it takes")
	scaleWorkers = flag.Int("workers", 1000, "of that job")
	scaleTasks   = flag.Int("tasks", 100_000, "of that job")
	scalePace    = flag.Duration("pace", 0, "how long each of these tasks takes at least")
	scaleKill    = flag.Duration("kill", 0, "how often a worker is killed; 0: never")
)

// scaleReducers is how many partitions the job has: each worker of this process that merges one
// holds what is where in all outputs.
const scaleReducers = 16

// crowd is a job of very many workers. Each is a real one with connections of its own, and nothing
// is replaced but the input: a map task is one word, so all that the job does is the protocol.
type crowd struct {
	workers, tasks, reducers int
	pace                     time.Duration // of a map task, at least
	killEvery                time.Duration // 0: nobody is killed
}

// distinct is how many different words the input has.
const distinct = 1000

// word has the bytes of a split.
func word(n int) string { return fmt.Sprintf("%07d ", n%distinct) }

func TestAJobOfManyWorkersIsExactAndHasFewOutputs(t *testing.T) {
	t.Parallel()
	crowd{workers: 50, tasks: combine.OutputsMax + 2000, reducers: 4}.run(t)
}

// TestScale takes minutes, and does nothing without the flag. SCALE.md has what it prints:
//
//	go test ./pkg/wordcount/worker -run TestScale -v -args -scale -workers=1000 -kill=1s
func TestScale(t *testing.T) {
	if *atScale {
		c := crowd{*scaleWorkers, *scaleTasks, scaleReducers, *scalePace, *scaleKill}
		fmt.Println(c.run(t))
	}
}

// run runs the job, and checks that each task counts once.
func (c crowd) run(t *testing.T) figures {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	server := redistest.StartIn(t, filepath.Join(dir, "state"))
	rdb := server.Client(t)
	var text strings.Builder
	for n := range c.tasks {
		text.WriteString(word(n))
	}
	m, err := plan.Scan(t.Context(), []string{check.Folder(t, map[string]string{"words": text.String()})}, "", plan.Options{})
	check.Must(t, err)
	p := plan.New(m, plan.Options{Split: int64(len(word(0))), Reducers: c.reducers})
	load := func(ctx context.Context) error {
		_, err := protocol.Library.Load(ctx, rdb)
		return err
	}
	check.Must(t, load(ctx))
	folder := state.Folder{Dir: filepath.Join(dir, "state")}
	sup := supervisor.New(supervisor.Config{
		Redis: rdb, Plan: p, Folder: folder, Store: place.Store{Dir: folder.Shuffle()}, Durability: checkpoint.None,
		Revive: load, Events: func(e event.Event) {},
	})
	check.Must(t, sup.Seed(ctx))
	check.Must(t, rdb.ConfigSet(ctx, "slowlog-log-slower-than", "1000").Err())
	check.Must(t, rdb.ConfigSet(ctx, "slowlog-max-len", "10000").Err())
	store, err := sup.Store()
	check.Must(t, err)

	team := &team{t: t, server: server, sent: map[string]int64{}, spec: Spec{
		Job: p.Job, Lease: DefaultLease, Trust: sup.Trust(), Store: store, Faults: Faults{Slow: c.pace},
	}}
	t.Cleanup(team.dismiss)
	begin := now(t, rdb)
	for range c.workers {
		check.Must(t, team.hire())
	}
	stop := team.harass(c.killEvery)
	t.Cleanup(stop) // before they are dismissed
	f := figures{crowd: c}
	_, err = sup.Watch(ctx, func(st protocol.Status) bool { return st.Phase != protocol.Mapping })
	check.Must(t, err)
	turn := now(t, rdb)
	f.mapped = turn.since(begin)
	st, err := sup.Watch(ctx, protocol.Status.Over)
	check.Must(t, err)
	f.reduced = now(t, rdb).since(turn)
	stop()
	f.lives, f.calls = team.lives, team.calls()
	f.longest, f.average = longest(t, rdb), average(t, rdb)
	f.peak = infoOf(t, rdb).number("used_memory_peak")
	f.keys = map[string]int64{}
	for _, key := range p.Job.Keys() {
		bytes, err := rdb.MemoryUsage(ctx, key, 0).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		f.keys[key[strings.LastIndex(key, ":")+1:]] = bytes
	}
	outputs, _, err := protocol.OutputsSoFar(ctx, rdb, p.Job)
	check.Must(t, err)
	check.Must(t, protocol.Covered(outputs, c.tasks))
	for name, text := range rdb.HGetAll(ctx, p.Job.Key("outputs")).Val() {
		f.list += int64(len(name) + len(text))
	}

	refused := int(f.calls["commit"]) - len(outputs)
	if f.outputs = len(outputs); f.outputs > combine.OutputsMax+f.lives+refused {
		t.Errorf("%d lives have %d outputs, and %d commits were refused", f.lives, f.outputs, refused)
	}
	if st.Mapped != c.tasks || st.Tokens != uint64(c.tasks) || st.Buried > 0 || st.Reduced != c.reducers {
		t.Errorf("the job has come to %+v", st)
	}
	counts := rdb.ZRangeWithScores(ctx, p.Job.Key("counts"), 0, -1).Val()
	want := map[string]float64{}
	for n := range c.tasks {
		want[strings.TrimSpace(word(n))]++
	}
	for _, z := range counts {
		if want[z.Member.(string)] != z.Score {
			t.Errorf("%s counts %v, not %v", z.Member, z.Score, want[z.Member.(string)])
		}
	}
	if len(counts) != len(want) {
		t.Errorf("%d words, not %d", len(counts), len(want))
	}
	return f
}

// team is the workers of a crowd.
type team struct {
	t      *testing.T
	server *redistest.Server
	spec   Spec

	working sync.WaitGroup

	mu     sync.Mutex
	sent   map[string]int64 // calls, by name
	living []*life
	lives  int
}

// life is that of one worker.
type life struct {
	rdb  redis.UniversalClient
	dead atomic.Bool
	stop context.CancelFunc
}

var errKilled = errors.New("the worker is dead")

// hire starts a worker.
func (m *team) hire() error {
	spec := m.spec
	spec.Consumer = NewName()
	rdb, err := m.server.Endpoint().Client(spec.Consumer)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &life{rdb: rdb, stop: stop}
	rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if l.dead.Load() {
			return errKilled
		}
		m.count(wordcounttest.Called(cmd))
		err := next(ctx, cmd)
		if l.dead.Load() {
			return errKilled
		}
		return err
	}))
	w, err := New(rdb, spec)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lives++
	m.living = append(m.living, l)
	m.working.Go(func() {
		defer rdb.Close()
		if err := w.Run(ctx); err != nil && !l.dead.Load() {
			m.t.Error(err)
		}
	})
	return nil
}

func (m *team) count(call string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent[call]++
}

func (m *team) calls() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.sent)
}

// harass kills the oldest worker now and then, and hires another one in its place. The leases of the
// dead run out by themselves.
func (m *team) harass(every time.Duration) (stop func()) {
	if every == 0 {
		return func() {}
	}
	ctx, end := context.WithCancel(context.Background())
	var harassing sync.WaitGroup
	harassing.Go(func() {
		for ticks := time.NewTicker(every); ; {
			m.mu.Lock()
			oldest := m.living[0]
			m.living = m.living[1:]
			m.mu.Unlock()
			oldest.kill()
			if err := m.hire(); err != nil {
				m.t.Error(err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
		}
	})
	return func() { end(); harassing.Wait() }
}

// kill lets the worker reach nobody any more, as if its host had vanished.
func (l *life) kill() {
	l.dead.Store(true)
	l.rdb.Close()
	l.stop()
}

// dismiss lets all workers leave.
func (m *team) dismiss() {
	for _, l := range m.living {
		l.stop()
	}
	m.working.Wait()
}
