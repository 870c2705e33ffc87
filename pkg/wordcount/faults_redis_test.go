package wordcount

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// The time between two checkpoints. A job has none before it is sealed, unless its test asks for them:
// each is a process. never is longer than any test.
const (
	never = time.Hour
	often = 50 * time.Millisecond
)

func mapped(n int) func(protocol.Status) bool {
	return func(st protocol.Status) bool { return st.Mapped >= n }
}

func inPhase(phase protocol.Phase) func(protocol.Status) bool {
	return func(st protocol.Status) bool { return st.Phase == phase }
}

// dump is where checkpoints go.
func (r *rig) dump() string { return filepath.Join(r.server.DataDir, "dump.rdb") }

// restarted checks that Redis really had another life, and that the job noticed.
func (r *rig) restarted(before string, times int) {
	r.tb.Helper()
	if r.serverRun() == before {
		r.tb.Error("redis was not restarted")
	}
	if n := r.sup.Restarts(); n < times {
		r.tb.Errorf("redis was found restarted %d times, it was %d", n, times)
	}
}

// pidOfRedis is the server's process, which a handle knows that is not older than the server's last
// start.
func (r *rig) pidOfRedis() int {
	r.tb.Helper()
	server, err := r.open()
	check.Must(r.tb, err)
	return server.Pid
}

func TestFault08RedisKilledBeforeTheFirstCheckpoint(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.prepare(o)
		life := r.serverRun()
		r.whenSeen(mapped(1), func(protocol.Status) {
			r.kill()
			if _, err := os.Stat(r.dump()); err == nil {
				t.Error("there was a checkpoint")
			}
		})
		r.finishExactly()
		r.restarted(life, 1)
		if r.said("redis is back") == 0 {
			t.Error("nobody was told")
		}
	})
}

func TestFault10RedisKilledDuringSeeding(t *testing.T) {
	t.Parallel()
	for _, saved := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a checkpoint %v", saved), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, map[string]string{"many splits": check.Words(4000)})
			r.every = often
			r.prepare(plan.Options{Split: 4, Reducers: 3})
			life := r.serverRun()
			seeded := 0
			r.rdb.AddHook(wordcounttest.On(t, "seed", 4, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				if saved {
					r.server.Checkpoint(t)
				}
				seeded = r.status().Seeded
				r.kill()
				return next(ctx, cmd)
			}))
			r.finishExactly()
			if seeded == 0 || seeded >= r.sup.Maps() {
				t.Errorf("%d of %d tasks were seeded when redis died", seeded, r.sup.Maps())
			}
			if r.serverRun() == life {
				t.Error("redis was not restarted")
			}
		})
	}
}

// resultPage is how many words one call returns.
const resultPage = 10_000

func TestFault11RedisKilledDuringACommit(t *testing.T) {
	t.Parallel()
	// One call with so many words takes long enough to be met in the middle.
	r := newRig(t, map[string]string{"a": check.Words(100_000), "b": check.Words(10)})
	r.size = 0
	r.prepare(plan.Options{Direct: true})
	check.Must(t, r.sup.Seed(t.Context()))
	r.server.Checkpoint(t)
	life := r.serverRun()
	busy := false
	w := r.startWorker("alone", wordcounttest.On(t, "commit", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		var killing sync.WaitGroup
		returned := make(chan struct{})
		killing.Go(func() {
			for {
				select {
				case <-returned:
					return
				default:
				}
				// Reading the arguments doesn't hold others up for so long; running the function
				// does.
				probe, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
				err := r.probe.Ping(probe).Err()
				cancel()
				if err != nil {
					busy = true
					r.kill()
					return
				}
			}
		})
		err := next(ctx, cmd)
		close(returned)
		killing.Wait()
		if busy && err == nil {
			t.Error("the commit was answered")
		}
		return err
	}))
	r.finishExactly()
	w.left(nil)
	if !busy {
		t.Fatal("redis was not met in the middle of the commit")
	}
	r.restarted(life, 1)
}

func TestFault11RedisKilledAroundACommitKeepsAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.size = 0
		r.prepare(o)
		life := r.serverRun()
		kill := func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			r.kill()
			return next(ctx, cmd)
		}
		savedAndKilled := func() error {
			r.server.Checkpoint(t)
			r.kill()
			return wordcounttest.ErrLost
		}
		// Before it is sent; when it is done and saved, but not answered.
		hooks := []wordcounttest.Hook{wordcounttest.On(t, "commit", 1, kill), wordcounttest.Answered(t, "commit", 1, savedAndKilled)}
		if !o.Direct {
			hooks = append(hooks, wordcounttest.On(t, "put", 1, kill), wordcounttest.Answered(t, "put", 1, savedAndKilled))
		}
		w := r.startWorker("alone", hooks...)
		r.finishExactly()
		w.left(nil)
		r.restarted(life, 1)
	})
}

func TestFault12RedisKilledAfterTheLastCommitBeforeTheFinalCheckpoint(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.prepare(o)
		life := r.serverRun()
		// The first BGSAVE is the one that sealing asks for.
		r.rdb.AddHook(wordcounttest.On(t, "bgsave", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if st := r.status(); st.Phase != "done" || st.Final == "" {
				t.Errorf("not at the seal yet: %+v", st)
			}
			r.kill()
			return next(ctx, cmd)
		}))
		r.finishExactly()
		r.restarted(life, 1)
		if r.said("redis is back") == 0 {
			t.Error("nobody was told")
		}
		if n := r.team.Restarts(); n != 0 {
			t.Errorf("%d workers were replaced, all were to be there still", n)
		}
	})
}

func TestWorkThatAnEarlierSupervisorSawRedoneIsReported(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1, withoutCheckpoints)
	until := func(mapped int) {
		t.Helper()
		_, err := h.sup.Watch(t.Context(), func(st protocol.Status) bool { return st.Mapped == mapped })
		check.Must(t, err)
	}
	h.Take("map", "w", 2)
	before := h.rig.server.Checkpoint(t)
	h.MustCommit(1, 2)
	until(2)
	h.rig.server.Restore(t, before)
	until(0)
	h.supervised(h.change) // it knows nothing of that but from the folder
	h.MustCommit(1, 2)
	h.MustCommit(h.Take("map", "w", 1)...)
	h.Take("reduce", "w", 1)
	h.Store(0)
	check.Must(t, h.sup.Seed(t.Context()))
	sealed, err := h.sup.Seal(t.Context())
	check.Must(t, err)
	if sealed.Redone != 2 {
		t.Errorf("%d tasks were redone, not 2", sealed.Redone)
	}
}

func TestWorkThatIsLostWhileTheJobIsSealedIsReportedAsRedone(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.prepare(bothModes[0])
	r.rdb.AddHook(wordcounttest.On(t, "bgsave", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		r.kill()
		return next(ctx, cmd)
	}))
	if n, all := r.finishExactly().Redone, r.sup.Maps()+r.plan.Job.Reducers; n != all {
		t.Errorf("%d tasks were redone, all %d were lost", n, all)
	}
}

func TestFault13RedisKilledWhileTheResultIsRead(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": check.Words(resultPage + 10)})
	r.every = often
	r.prepare(plan.Options{Split: 10_000, Reducers: 3})
	life := r.serverRun()
	r.rdb.AddHook(wordcounttest.On(t, "sum", 2, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		r.kill()
		return next(ctx, cmd)
	}))
	r.finishExactly()
	r.restarted(life, 1)
	if r.said("not sealed yet") == 0 {
		t.Error("nothing was noticed")
	}
}

func TestFault13ResultThatIsLostWhileItIsReadIsNoShorterResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": check.Words(resultPage + 10)})
	sealed := r.exact(plan.Options{Split: 10_000, Reducers: 3})
	read := r.result(sealed)
	seen, lost := 0, false
	r.rdb.AddHook(wordcounttest.On(t, "result", 2, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		lost = true
		check.Must(t, r.probe.FlushAll(ctx).Err())
		return next(ctx, cmd)
	}))
	var err error
	for _, err = range read.Entries(t.Context()) {
		if err == nil {
			seen++
		}
	}
	if !lost || seen > resultPage {
		t.Errorf("%d words were read, the loss happened: %v", seen, lost)
	}
	check.IsError(t, err, protocol.ErrNoResult)
}

func TestFault14RedisKilledTwiceInARowAndWhileLoading(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(30, 10))
	// Somebody else's keys make the loading last, so that it is seen on a busy machine, too.
	for part := range 4 {
		check.Must(t, r.probe.Eval(t.Context(), `for i = 1, 500000 do redis.call('SET', 'filler:' .. ARGV[1] .. i, i) end return 1`, nil, part).Err())
	}
	r.faults = "slow=50ms:2"
	r.prepare(plan.Options{Direct: true})
	life := r.serverRun()
	r.whenSeen(mapped(3), func(protocol.Status) {
		r.server.Checkpoint(t)
		r.kill()
	})
	run := r.start()
	loading := func() bool {
		// A new client each time: one that failed to connect for some times in a row waits before
		// it tries again.
		rdb, err := r.endpoint.Client("test")
		check.Must(t, err)
		defer rdb.Close()
		return redis.IsLoadingError(rdb.Ping(context.Background()).Err())
	}
	for range 2 {
		run.until("redis is loading", loading)
		r.kill()
	}
	run.exactly()
	r.restarted(life, 1)
}

func TestFault14RedisKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.every = often
		r.prepare(o)
		kill := func(protocol.Status) { r.kill() }
		r.whenSeen(mapped(1), kill)
		r.whenSeen(mapped(1), kill)
		r.whenSeen(inPhase("done"), kill)
		r.whenSeen(inPhase("done"), kill)
		r.finishExactly()
		if n := r.sup.Restarts(); n < 2 {
			t.Errorf("redis was found restarted %d times", n)
		}
	})
}

func TestFault15RedisPausedForHalfAMinute(t *testing.T) {
	t.Parallel()
	// Longer than a lease, than a look at the job, and than any client waits for an answer.
	const pause = 31 * time.Second
	r := newRig(t, check.Texts(40, 10))
	r.lease = 500 * time.Millisecond
	r.faults = "slow=20ms:2"
	r.prepare(plan.Options{Direct: true})
	run := r.start()
	run.until("work is under way", func() bool { return r.status().Mapped > 2 })
	pid := r.pidOfRedis()
	check.Must(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) }) // it may have ended
	ctx, cancel := context.WithTimeout(t.Context(), pause)
	defer cancel()
	for ctx.Err() == nil {
		if err := r.probe.Ping(ctx).Err(); err == nil {
			t.Fatal("redis was not paused")
		}
	}
	check.Must(t, syscall.Kill(pid, syscall.SIGCONT))
	run.exactly()
	if n := r.sup.Restarts(); n != 0 || r.pidOfRedis() != pid {
		t.Errorf("a paused server was replaced, or taken for another one, %d times", n)
	}
}

// full is a size or a time, cut down unless the whole is asked for.
func full[T any](small, whole T) T {
	if os.Getenv(fullVariable) != "" {
		return whole
	}
	return small
}

func TestFault34CheckpointRestoredThatIsSeveralGenerationsOld(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		for age := range 3 {
			t.Run(fmt.Sprintf("generation %d", age), func(t *testing.T) {
				r := newRig(t, check.Texts(6, 30))
				r.size = 0
				r.prepare(o)
				life := r.serverRun()
				var mu sync.Mutex // a commit is sent beside the next read
				var dumps [][]byte
				w := r.startWorker("alone", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					err := next(ctx, cmd)
					mu.Lock()
					defer mu.Unlock()
					switch name := wordcounttest.Called(cmd); {
					case err != nil || len(dumps) == 3:
					case name == "xreadgroup", name == "commit", name == "put":
						dumps = append(dumps, r.server.Checkpoint(t))
					}
					return err
				})
				r.whenSeen(inPhase("done"), func(protocol.Status) {
					mu.Lock()
					defer mu.Unlock()
					r.kill()
					check.Must(t, os.WriteFile(r.dump(), dumps[age], 0o600))
				})
				r.finishExactly()
				w.left(nil)
				r.restarted(life, 1)
			})
		}
	})
}

func TestFault34GenerationsAreRestoredInTheWrongOrder(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(30, 10))
		r.size = 0
		r.prepare(o)
		life := r.serverRun()
		var older, newer []byte
		restored := 0
		save := func(dump *[]byte) func() error {
			return func() error {
				*dump = r.server.Checkpoint(t)
				return nil
			}
		}
		restore := func(dump *[]byte) func() error {
			return func() error {
				restored++
				r.kill()
				check.Must(t, os.WriteFile(r.dump(), *dump, 0o600))
				return wordcounttest.ErrLost
			}
		}
		// A lone worker does one thing after the other; every hook counts what was answered.
		w := r.startWorker("alone",
			wordcounttest.Answered(t, "xreadgroup", 2, save(&older)), wordcounttest.Answered(t, "xreadgroup", 3, save(&newer)),
			wordcounttest.Answered(t, "commit", 1, restore(&older)), wordcounttest.Answered(t, "commit", 2, restore(&newer)), wordcounttest.Answered(t, "commit", 3, restore(&older)))
		r.finishExactly()
		w.left(nil)
		r.restarted(life, 1)
		if restored == 0 || restored < 3 && o.Direct { // a commit may have all that is left
			t.Errorf("a dump was restored %d times", restored)
		}
	})
}

func TestFault19DumpMissingAtTheRestart(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.prepare(o)
		life := r.serverRun()
		r.whenSeen(mapped(1), func(protocol.Status) {
			r.server.Checkpoint(t)
			r.kill()
			check.Must(t, os.Remove(r.dump()))
		})
		r.finishExactly()
		r.restarted(life, 1)
		if r.said("redis is back") == 0 {
			t.Error("nobody was told")
		}
	})
}
