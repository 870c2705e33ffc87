package wordcount

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// link is a TCP connection to a server that can be cut, and that can lead elsewhere the next time.
type link struct {
	listener net.Listener
	closing  chan struct{}
	serving  sync.WaitGroup
	delay    atomic.Int64 // nanoseconds that each answer takes on its way
	dialled  atomic.Int32 // connections made
	down     atomic.Bool  // nobody gets through

	mu     sync.Mutex
	target string
	open   map[net.Conn]struct{}
}

// through puts a link between a rig's job, its supervisor included, and its server.
func through(r *rig) *link {
	r.tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check.Must(r.tb, err)
	l := &link{listener: listener, target: r.server.Addr, closing: make(chan struct{}), open: map[net.Conn]struct{}{}}
	l.serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			l.serving.Go(func() { l.serve(c) })
		}
	})
	r.tb.Cleanup(func() {
		close(l.closing)
		listener.Close()
		l.cut()
		l.serving.Wait()
	})
	r.endpoint = r.server.Given()
	r.endpoint.URL = strings.Replace(r.endpoint.URL, r.server.Addr, listener.Addr().String(), 1)
	r.rdb, err = r.endpoint.Client("supervisor")
	check.Must(r.tb, err)
	r.tb.Cleanup(func() { r.rdb.Close() })
	return l
}

// keep remembers a connection, or closes it if it comes too late.
func (l *link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closing:
		c.Close()
		return false
	default:
	}
	l.open[c] = struct{}{}
	return true
}

func (l *link) serve(client net.Conn) {
	if !l.keep(client) {
		return
	}
	defer client.Close()
	l.mu.Lock()
	target := l.target
	l.mu.Unlock()
	if l.down.Load() {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil || !l.keep(server) {
		return
	}
	defer server.Close()
	l.dialled.Add(1)
	var asking sync.WaitGroup
	asking.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	answer := make([]byte, 64<<10)
	for {
		n, err := server.Read(answer)
		if err != nil {
			break
		}
		select {
		case <-time.After(time.Duration(l.delay.Load())):
		case <-l.closing:
		}
		if _, err := client.Write(answer[:n]); err != nil {
			break
		}
	}
	client.Close()
	asking.Wait()
}

// cut breaks all connections; commands on their way may or may not have been done.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.Close()
	}
	clear(l.open)
}

// lead makes the link lead to another server from now on.
func (l *link) lead(address string) {
	l.mu.Lock()
	l.target = address
	l.mu.Unlock()
	l.cut()
}

func TestFault16LinkCutAgainAndAgain(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(40, 10))
		l := through(r)
		r.faults = "slow=10ms:2"
		r.prepare(o)
		run := r.start()
		for range 10 {
			before := l.dialled.Load()
			l.cut()
			check.Await(t, "somebody connects again", func() bool {
				select {
				case <-run.ended:
					return true
				default:
					return l.dialled.Load() > before
				}
			})
		}
		run.exactly()
		if l.dialled.Load() < 10 {
			t.Errorf("%d connections were made", l.dialled.Load())
		}
	})
}

func TestFault16SlowLink(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 10))
		l := through(r)
		l.delay.Store(int64(50 * time.Millisecond))
		r.lease = 200 * time.Millisecond // hardly more than a few round trips
		r.exact(o)
	})
}

func TestFault16RepliesDroppedAfterTheCommandRan(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.size = 0
		r.prepare(o)
		// Every so often, whatever the command.
		var calls, lost atomic.Int32
		every := func(n int32) wordcounttest.Hook {
			return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				if calls.Add(1)%n == 0 {
					lost.Add(1)
					return wordcounttest.LoseReply(ctx, cmd, next)
				}
				return next(ctx, cmd)
			}
		}
		workers := []*workerInProcess{r.startWorker("one", every(7)), r.startWorker("other", every(5))}
		r.rdb.AddHook(every(41))
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		sealed, err := r.runPrepared(ctx)
		check.Must(t, err)
		for _, w := range workers {
			w.left(nil)
		}
		r.rdb = r.probe // reading the result gives up at the first lost reply
		r.check(sealed)
		if lost.Load() < 3 {
			t.Errorf("%d replies were lost", lost.Load())
		}
	})
}

func TestFault16And31RedisThatStaysAwayEndsTheRunResumably(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes as long as our patience")
	}
	cut := newRig(t, check.Texts(40, 10))
	l := through(cut)
	cut.sizeAndPace(1, "slow=50ms:1")
	busy := newRig(t, check.Texts(40, 10))
	busy.sizeAndPace(1, "slow=50ms:1")
	busy.setConfig("busy-reply-threshold", "50") // milliseconds
	o := plan.Options{Direct: true}
	var running []*underway
	for _, r := range []*rig{cut, busy} {
		r.prepare(o)
		running = append(running, r.start())
	}
	running[0].until("work is under way", func() bool { return cut.status().Mapped > 1 })
	l.down.Store(true)
	l.cut()
	running[1].until("work is under way", func() bool { return busy.status().Mapped > 1 })
	foreign := busy.hold()
	for _, run := range running {
		<-run.ended
	}
	if !errors.Is(running[0].err, protocol.ErrRedis) || !strings.Contains(running[0].err.Error(), "no answer") {
		t.Errorf("the link stayed down, and the run ended with %v", running[0].err)
	}
	if _, ok, _ := cut.folder.Sealed(cut.plan.Job.ID); ok {
		t.Error("a result was published")
	}
	// Who asks the server to come back may be the one that gives up first, and tells the same in
	// other words.
	if running[1].err == nil {
		t.Error("sealed, while nobody could use the server")
	}
	if _, ok, _ := busy.folder.Sealed(busy.plan.Job.ID); ok {
		t.Error("a result was published")
	}
	if !strings.Contains(running[1].err.Error(), "BUSY") {
		t.Errorf("%v doesn't say what the server does", running[1].err)
	}

	t.Run("said in one line", func(t *testing.T) {
		check.IsError(t, running[0].err, protocol.ErrRedis)
		check.IsError(t, running[1].err, protocol.ErrRedis)
	})

	l.down.Store(false)
	foreign()
	for _, r := range []*rig{cut, busy} {
		before := r.status().Mapped
		if before == 0 {
			t.Error("nothing is left to resume")
		}
		r.exact(o)
	}
}

func (r *rig) sizeAndPace(size int, faults string) { r.size, r.faults = size, faults }

func TestFault33ReplicaPromotedThatLagsBehind(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(20, 10))
		l := through(r)
		r.size = 0
		replica := replicaOf(t, r)
		r.prepare(o)
		r.reviveBy = func(ctx context.Context) error {
			_, err := protocol.Library.Load(ctx, r.rdb)
			return err
		}
		life := r.serverRun()
		behind := protocol.Status{}
		w := r.startWorker("alone", wordcounttest.Answered(t, "xreadgroup", 2, func() error {
			// It has the tasks and who holds them, and follows no more.
			check.Await(t, "the replica has the job", func() bool {
				behind, _ = protocol.Client{Redis: replica, Job: r.plan.Job}.Status(t.Context())
				return behind.Seeded == r.sup.Maps() && behind.Pending() > 0
			})
			return replica.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err()
		}))
		r.whenSeen(inPhase("done"), func(protocol.Status) {
			if behind.Seeded == 0 || behind.Mapped > 0 {
				t.Errorf("the replica has %+v", behind)
			}
			r.kill()
			l.lead(replica.(*redis.Client).Options().Addr)
		})
		r.finishExactly()
		w.left(nil)
		r.probe = r.rdb
		if r.serverRun() == life {
			t.Error("nobody took the master's place")
		}
	})
}

func TestFault33MasterResyncedFromALaggingReplicaKeepsItsRunID(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(20, 10))
		replica := replicaOf(t, r)
		r.prepare(o)
		check.Must(t, r.sup.Seed(t.Context()))
		check.Await(t, "the replica has the tasks", func() bool {
			st, _ := protocol.Client{Redis: replica, Job: r.plan.Job}.Status(t.Context())
			return st.Seeded == r.sup.Maps()
		})
		check.Must(t, replica.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())
		life := r.serverRun()
		// Between the fence and the first page of the result the server goes back to what the
		// replica has.
		rolledBack := false
		r.rdb.AddHook(wordcounttest.On(t, "sum", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			host, port, _ := net.SplitHostPort(replica.(*redis.Client).Options().Addr)
			check.Must(t, r.probe.Do(ctx, "REPLICAOF", host, port).Err())
			check.Await(t, "the master has become a replica", func() bool {
				info, err := r.probe.InfoMap(ctx, "replication").Result()
				return err == nil && info["Replication"]["role"] == "slave" && info["Replication"]["master_link_status"] == "up"
			})
			check.Must(t, r.probe.Do(ctx, "REPLICAOF", "NO", "ONE").Err())
			rolledBack = r.status().Final == "" // and nobody fences it again before we return
			return next(ctx, cmd)
		}))
		r.finishExactly()
		if !rolledBack || r.serverRun() != life {
			t.Errorf("rolled back: %v; the server's life is the same: %v", rolledBack, r.serverRun() == life)
		}
	})
}

// replicaOf starts a replica of a rig's server, in step with it, and the server can become one of
// the replica's.
func replicaOf(t *testing.T, r *rig) redis.UniversalClient {
	t.Helper()
	s := redistest.Start(t)
	replica := s.Client(t)
	password := func(e redisd.Endpoint) string {
		c, err := e.Client("test")
		check.Must(t, err)
		defer c.Close()
		return c.(*redis.Client).Options().Password
	}
	master := password(r.server.Endpoint())
	check.Must(t, r.probe.ConfigSet(t.Context(), "repl-diskless-sync-delay", "0").Err())
	check.Must(t, replica.ConfigSet(t.Context(), "repl-diskless-sync-delay", "0").Err())
	check.Must(t, replica.ConfigSet(t.Context(), "masterauth", master).Err())
	check.Must(t, replica.ConfigSet(t.Context(), "requirepass", master).Err())
	check.Must(t, r.probe.ConfigSet(t.Context(), "masterauth", master).Err())
	// The client learns the password that is the same on both now.
	o := *replica.(*redis.Client).Options()
	o.Password, o.CredentialsProviderContext = master, nil
	same := redis.NewClient(&o)
	t.Cleanup(func() { same.Close() })
	host, port, _ := net.SplitHostPort(r.server.Addr)
	check.Must(t, same.Do(t.Context(), "REPLICAOF", host, port).Err())
	check.Await(t, "the replica is in step", func() bool {
		info, err := same.InfoMap(t.Context(), "replication").Result()
		return err == nil && info["Replication"]["master_link_status"] == "up"
	})
	return same
}
