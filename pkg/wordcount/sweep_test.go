package wordcount

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// The sweep runs a small job once for each command that a worker or a supervisor sends, and lets one thing go wrong at
// that command. All of it takes minutes; by default every seventh case is run.
//
//	WORDCOUNT_SWEEP=full                              all of it
//	WORDCOUNT_SWEEP=worker/reduce/after/cut/commit.1  one case; each that fails prints its own line
const (
	sweepVariable = "WORDCOUNT_SWEEP"
	sweepSample   = 7
	sweepLanes    = 4
	sweepLease    = 250 * time.Millisecond
)

var (
	sweepModes = map[string]Options{
		"reduce": {Split: 24, Reducers: 2},
		"live":   {Split: 24, Reducers: MapOnly}, // each task's words straight into the sorted set
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
	what  string // see accidents
	point string // the command, as the proxy names it; "": nothing goes wrong
}

func (a accident) String() string {
	return strings.Join([]string{a.side, a.mode, a.when, a.what, a.point}, "/")
}

func TestAJobIsExactWhereverAnAccidentStrikes(t *testing.T) {
	step := sweepSample
	switch one := os.Getenv(sweepVariable); one {
	case "":
	case "full":
		step = 1
	default:
		f := strings.Split(one, "/")
		if len(f) != 5 {
			t.Fatalf("%s=%q is neither full nor a case", sweepVariable, one)
		}
		accident{f[0], f[1], f[2], f[3], f[4]}.strike(t)
		return
	}
	var all []accident
	for _, side := range []string{"worker", "supervisor"} {
		for _, mode := range []string{"reduce", "live"} {
			points := accident{side: side, mode: mode}.strike(t)
			t.Logf("%s, %s, %d commands: %s", side, mode, len(points), strings.Join(points, " "))
			for _, what := range accidents {
				for _, when := range []string{"before", "after"} {
					for _, point := range points {
						all = append(all, accident{side, mode, when, what, point})
					}
				}
			}
		}
	}
	t.Logf("%d cases, of which 1 in %d", len(all), step)
	// A case waits most of its time, for leases and for servers: more than GOMAXPROCS of them fit beside one another.
	var lanes sync.WaitGroup
	defer lanes.Wait()
	for lane := range sweepLanes {
		lanes.Go(func() {
			for i := lane * step; i < len(all); i += sweepLanes * step {
				t.Run(all[i].String(), func(t *testing.T) { all[i].strike(t) })
			}
		})
	}
}

// strike runs the job with its accident, requires that it ends exact, and returns the commands that the side sent.
func (a accident) strike(t *testing.T) (points []string) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: %s=%s go test -race -count=1 -run '^TestAJobIsExactWhereverAnAccidentStrikes$' ./pkg/wordcount",
				sweepVariable, a)
		}
	})
	s := &scene{accident: a, rig: newRig(t, sweepFiles), struck: make(chan struct{})}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	s.ctx = ctx
	s.life, s.die = context.WithCancel(ctx)
	defer s.die()
	s.prepare(sweepModes[a.mode])
	s.proxy = newProxy(t, s.server.Addr, s.at)

	attacked := []life{{s.life, s.client("attacked")}, {ctx, s.rdb}}
	workers, supervisors := attacked, attacked[1:]
	if a.side == "supervisor" {
		workers, supervisors = supervisors, workers
	} else {
		must(t, s.sup.Seed(ctx)) // or the worker's first commands would depend on who is faster
	}
	left := make(chan struct{})
	go func() { defer close(left); s.work(workers) }()
	defer func() { stop(); <-left }()
	sealed, err := s.seal(supervisors)
	must(t, err)

	// The last command of all is the worker's look that tells it to leave. Only if Redis dies there, it can't.
	select {
	case <-left:
	case <-s.struck:
	}
	if a.point != "" && !s.happened() {
		t.Logf("%s was not reached; commands that come by the clock may not be", a.point)
	}
	s.server.Start(t) // if it is dead: what was sealed is durable
	s.check(sealed)
	return s.proxy.points()
}

// scene is a rig with an accident about to happen.
type scene struct {
	accident
	*rig
	ctx    context.Context
	proxy  *proxy
	life   context.Context // of the process behind the proxy
	die    func()
	struck chan struct{} // closed when it has happened

	mu    sync.Mutex
	ahead int // commands seen
}

// life is the life of a process, and how it reaches Redis. It dies with its context.
type life struct {
	ctx context.Context
	rdb redis.UniversalClient
}

// client returns a client that goes through the proxy.
func (s *scene) client(name string) redis.UniversalClient {
	endpoint := s.server.Endpoint()
	endpoint.URL = "redis://" + s.proxy.addr() + "/0"
	c, err := endpoint.Client(name)
	must(s.tb, err)
	s.tb.Cleanup(func() { c.Close() })
	return c
}

func (s *scene) happened() bool {
	select {
	case <-s.struck:
		return true
	default:
		return false
	}
}

// at hears of each command of the process behind the proxy, and tells whether to cut its connection.
func (s *scene) at(point string, before bool) (cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.point == "" || s.happened() {
		return false
	}
	if before && s.what == "rollback" {
		if s.ahead++; s.ahead%rollbackEvery == 0 {
			s.try((&Supervisor{Redis: s.rdb}).Checkpoint(s.ctx))
		}
	}
	if point != s.point || before != (s.when == "before") {
		return false
	}
	switch s.what {
	case "die":
		s.proxy.close()
		s.die()
	case "kill", "rollback":
		server := *s.server.Server // one may not be used by two goroutines
		s.try(server.Kill(s.ctx))
	}
	close(s.struck)
	return true
}

// try is must for other goroutines than the test's.
func (s *scene) try(err error) {
	if err != nil {
		s.tb.Error(err)
	}
}

// work is a team of one worker. One that dies or fails has a successor, until the job is sealed or all must end.
func (s *scene) work(lives []life) {
	for n := 0; s.ctx.Err() == nil; n++ {
		l := lives[0]
		w := &Worker{Redis: l.rdb, Job: s.plan.Job, Consumer: fmt.Sprint("worker ", n), Lease: sweepLease, chunk: 3}
		err := w.Run(l.ctx)
		switch {
		case l.ctx.Err() != nil && len(lives) > 1:
			lives = lives[1:]
		case err == nil:
			return
		default:
			s.say("worker %d: %v", n, err)
		}
	}
}

// seal sees the job through. A supervisor that dies has a successor in the same folder.
func (s *scene) seal(lives []life) (sealed Sealed, err error) {
	for _, l := range lives {
		sup := &Supervisor{
			Redis: l.rdb, Plan: s.plan, Folder: s.folder, Durability: BGSave, Say: s.say,
			Revive: func(ctx context.Context) error {
				server := *s.server.Server
				if err := server.Start(ctx); err != nil {
					return err
				}
				_, err := Library.Load(ctx, l.rdb)
				return err
			},
		}
		sup.Prepare()
		if err = sup.Seed(l.ctx); err == nil {
			sealed, err = sup.Seal(l.ctx)
		}
		if l.ctx.Err() == nil {
			break
		}
	}
	return sealed, err
}
