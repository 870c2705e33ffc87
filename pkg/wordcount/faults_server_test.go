package wordcount

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestFault21FunctionLibraryMissingIsLoadedAgain(t *testing.T) {
	t.Parallel()
	for when, moment := range map[string]func(protocol.Status) bool{
		"before anything is done": func(st protocol.Status) bool { return st.Seeded == st.Maps },
		"in the middle":           mapped(1),
		"when all is done":        inPhase("done"),
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(10, 10))
			r.prepare(plan.Options{Split: 100, Reducers: 3})
			r.whenSeen(moment, func(protocol.Status) { check.Must(t, r.probe.FunctionFlush(t.Context()).Err()) })
			r.finishExactly()
			if n := r.sup.Restarts(); n != 0 {
				t.Errorf("redis was taken for restarted %d times", n)
			}
		})
	}
}

func TestFault22FunctionLibraryOfAnotherVersionEndsTheRun(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(20, 10))
		r.prepare(o)
		other := protocol.Library
		other.Source = "#!lua name=" + protocol.Library.Name + "\nredis.register_function('something_else', function() end)"
		r.whenSeen(func(st protocol.Status) bool { return st.Seeded == st.Maps }, func(protocol.Status) {
			check.Must(t, r.probe.FunctionLoadReplace(t.Context(), other.Source).Err())
		})
		r.finishFailing(protocol.ErrState, protocol.Library.String(), other.String())
	})
}

func TestFault25KeyOfAnotherTypeIsRefusedBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(2, 10))
		r.prepare(o)
		for _, key := range r.plan.Job.Keys() {
			check.Must(t, r.probe.Set(t.Context(), key, "somebody else's", 0).Err())
			r.finishFailing(protocol.ErrState, key, "holds a string")
			if keys := r.probe.DBSize(t.Context()).Val(); keys != 1 {
				t.Errorf("%s: %d keys are there after the refusal", key, keys)
			}
			if text := r.probe.Get(t.Context(), key).Val(); text != "somebody else's" {
				t.Errorf("%s holds %q now", key, text)
			}
			check.Must(t, r.probe.Del(t.Context(), key).Err())
		}
		r.finishExactly()
	})
}

func TestFault25KeyThatChangesItsTypeDuringTheRunEndsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(20, 10))
	r.faults = "slow=20ms:2"
	r.prepare(plan.Options{Direct: true})
	r.whenSeen(mapped(1), func(protocol.Status) {
		check.Must(t, r.probe.Set(t.Context(), r.plan.Job.Key("counts"), "somebody else's", 0).Err())
	})
	r.finishFailing(protocol.ErrState, r.plan.Job.Key("counts"), "holds a string")
}

func TestFault26TwoJobsOnOneServerDoNotNoticeEachOther(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one, other := newRigOn(t, server, check.Texts(10, 30)), newRigOn(t, server, check.Texts(12, 20))
	one.faults = "crash@before-commit:2"
	one.prepare(bothModes[0])
	other.prepare(bothModes[1])
	if one.plan.Job.ID == other.plan.Job.ID {
		t.Fatal("two jobs have one name")
	}
	var both sync.WaitGroup
	results := make([]state.Sealed, 2)
	errs := make([]error, 2)
	for i, r := range []*rig{one, other} {
		both.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			results[i], errs[i] = r.runPrepared(ctx)
		})
	}
	both.Wait()
	check.Must(t, errors.Join(errs...))
	one.check(results[0])
	other.check(results[1])
	if one.team.Restarts() == 0 || other.team.Restarts() != 0 {
		t.Errorf("%d workers of the one were replaced and %d of the other", one.team.Restarts(), other.team.Restarts())
	}
	_, err := protocol.Clean(t.Context(), one.rdb, one.plan.Job)
	check.Must(t, err)
	other.check(results[1])
	for _, key := range server.Client(t).Keys(t.Context(), "*").Val() {
		if !bytes.HasPrefix([]byte(key), []byte(other.plan.Job.Key(""))) {
			t.Errorf("%s is left", key)
		}
	}
}

func TestFault28MemoryLimitReachedEndsTheRunResumably(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(20, 30))
		r.lease = 500 * time.Millisecond // workers can't even give their tasks back
		r.faults = "slow=50ms:2"
		r.prepare(o)
		r.whenSeen(func(st protocol.Status) bool { return st.Pending() > 0 }, func(protocol.Status) { r.setConfig("maxmemory", "1mb") })
		r.finishFailing(protocol.ErrRedis, "maxmemory", "1.0 MiB", "resume")
		if st := r.status(); st.Pending() == 0 || st.Seeded != st.Maps || st.Mapped == st.Maps {
			t.Errorf("tasks do not stay pending: %+v", st)
		}
		r.setConfig("maxmemory", "0")
		r.exact(o)
	})
}

func TestFault28MemoryLimitReachedWhileSeedingEndsTheRunResumably(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"many splits": check.Words(2000)})
	o := plan.Options{Split: 4, Reducers: 3}
	r.prepare(o)
	r.rdb.AddHook(wordcounttest.On(t, "seed", 4, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		r.setConfig("maxmemory", "1mb")
		return next(ctx, cmd)
	}))
	r.finishFailing(protocol.ErrRedis, "OOM", "maxmemory", "resume")
	st, err := protocol.Client{Redis: r.rdb, Job: r.plan.Job}.Status(t.Context())
	check.Must(t, err)
	if st.Seeded == 0 || st.Seeded == r.sup.Maps() {
		t.Errorf("%d of %d tasks were seeded", st.Seeded, r.sup.Maps())
	}
	r.setConfig("maxmemory", "0")
	r.exact(o)
}

func TestFault28BudgetOnAGivenServerEndsTheRunResumably(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(40, 30))
	r.faults = "slow=100ms:2"
	o := plan.Options{Direct: true}
	r.prepare(o)
	r.supervised(func(c *supervisor.Config) { c.Budget = 1000 })
	r.finishFailing(supervisor.ErrBudget, protocol.ErrRedis.Error(), "1000 B")
	run := r.status().Run
	if sealed := r.exact(o); sealed.Run != run {
		t.Error("it was begun anew")
	}
}

func TestFault30JobThatVanishesIsSeededAgain(t *testing.T) {
	t.Parallel()
	moments := map[string]func(protocol.Status) bool{
		"before anything is done": func(st protocol.Status) bool { return st.Seeded == st.Maps },
		"in the middle":           mapped(1),
		"when all is done":        inPhase("done"),
	}
	for what, vanish := range map[string]func(r *rig){
		"meta alone": func(r *rig) { check.Must(r.tb, r.probe.Del(r.tb.Context(), r.plan.Job.Key("meta")).Err()) },
		"all":        func(r *rig) { check.Must(r.tb, r.probe.FlushAll(r.tb.Context()).Err()) },
	} {
		for when, moment := range moments {
			t.Run(what+" "+when, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, check.Texts(10, 10))
				r.prepare(plan.Options{Split: 100, Reducers: 3})
				r.whenSeen(moment, func(protocol.Status) { vanish(r) })
				r.finishExactly()
			})
		}
	}
}

func TestFault30JobThatVanishesBetweenTwoPagesOfItsResult(t *testing.T) {
	t.Parallel()
	for _, o := range []plan.Options{{Split: 10_000, Reducers: 3}, {Split: 10_000, Direct: true}} {
		t.Run(fmt.Sprintf("reducers %d", o.Reducers), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, map[string]string{"a": check.Words(resultPage + 10)})
			r.prepare(o)
			gone := false
			r.rdb.AddHook(wordcounttest.On(t, "sum", 2, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				gone = true
				check.Must(t, r.probe.FlushAll(ctx).Err())
				return next(ctx, cmd)
			}))
			r.finishExactly()
			if !gone || r.said("not sealed yet") == 0 {
				t.Errorf("gone: %v, and nothing was noticed", gone)
			}
		})
	}
}

func TestFault30StreamThatVanishesIsNeverTakenForDone(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"map", "reduce"} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(20, 10))
			r.faults = "slow=10ms:2"
			r.prepare(plan.Options{Split: 100, Reducers: 3})
			r.whenSeen(func(st protocol.Status) bool { return st.Seeded == st.Maps }, func(protocol.Status) {
				check.Must(t, r.probe.Del(t.Context(), r.plan.Job.Key(stream)).Err())
			})
			r.finishFailing(protocol.ErrState, "stream")
		})
	}
}

// hold makes a foreign script hold the server, until the function that it returns is called.
func (r *rig) hold() (release func()) {
	r.tb.Helper()
	foreign := r.server.Client(r.tb)
	var script sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	script.Go(func() { foreign.Eval(ctx, "while true do end", nil) })
	kill := sync.OnceFunc(func() {
		check.Await(r.tb, "the script ends", func() bool {
			r.probe.ScriptKill(context.Background())
			err := r.probe.Ping(context.Background()).Err()
			return err == nil
		})
		cancel()
		script.Wait()
	})
	r.tb.Cleanup(kill)
	check.Await(r.tb, "the script holds the server", func() bool {
		err := r.probe.Ping(context.Background()).Err()
		return redis.HasErrorPrefix(err, "BUSY")
	})
	return kill
}

func TestFault31ForeignScriptThatHoldsTheServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(20, 10))
		r.faults = "slow=10ms:2"
		r.prepare(o)
		r.setConfig("busy-reply-threshold", "20") // milliseconds
		refused := make(chan struct{})
		told := sync.OnceFunc(func() { close(refused) })
		r.rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd)
			if redis.HasErrorPrefix(err, "BUSY") {
				told()
			}
			return err
		}))
		run := r.start()
		run.until("work is under way", func() bool { return r.status().Pending() > 0 })
		release := r.hold()
		<-refused
		release()
		run.exactly()
	})
}

func TestFault32ClockSetBackLeavesNoTaskBehind(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(3, 10))
		r.lease = 200 * time.Millisecond
		r.prepare(o)
		check.Must(t, r.sup.Seed(t.Context()))
		// A worker takes every task and dies; then the clock is set back, so that no lease runs out
		// for an hour.
		check.Must(t, r.probe.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: "workers", Consumer: "dead", Streams: []string{r.plan.Job.Key("map"), ">"}, Block: -1,
		}).Err())
		r.postpone("map", time.Hour)
		r.finishExactly()
		// With reducers some may have been done as backups.
		if n := r.stolen(); n != r.sup.Maps() && o.Direct {
			t.Errorf("%d of %d tasks were taken from the dead", n, r.sup.Maps())
		}
	})
}

// postpone makes a stream's pending tasks as they are when the server's clock was set back after
// their delivery. No command does that: the stream is dumped, its delivery times are moved, and it
// is restored.
func (r *rig) postpone(stream string, by time.Duration) {
	r.tb.Helper()
	ctx, key := context.Background(), r.plan.Job.Key(stream)
	dump, err := r.probe.Dump(ctx, key).Result()
	check.Must(r.tb, err)
	payload := []byte(dump)
	// An entry of the pending list: its ID, twice 8 bytes big-endian, then the time in
	// milliseconds, little-endian, then how often it was delivered.
	moved := 0
	for n := 1; n <= r.sup.Maps(); n++ {
		id := binary.BigEndian.AppendUint64(nil, uint64(n))
		id = append(id, make([]byte, 8)...)
		for at := 0; ; {
			i := bytes.Index(payload[at:], id)
			if i < 0 {
				break
			}
			at += i + len(id)
			if at+8 > len(payload) {
				break
			}
			delivered := time.UnixMilli(int64(binary.LittleEndian.Uint64(payload[at:])))
			if age := time.Since(delivered); age > -time.Hour && age < time.Hour {
				binary.LittleEndian.PutUint64(payload[at:], uint64(delivered.Add(by).UnixMilli()))
				moved++
			}
		}
	}
	if pending := r.status().Pending(); moved != pending {
		r.tb.Fatalf("%d of %d delivery times were moved", moved, pending)
	}
	// The last 8 bytes are a CRC-64 of what is before them, with the polynomial of Jones and no
	// inversions.
	body := payload[:len(payload)-8]
	sum := ^crc64.Update(^uint64(0), crc64.MakeTable(0x95AC9329AC4BC9B5), body)
	payload = binary.LittleEndian.AppendUint64(body, sum)
	check.Must(r.tb, r.probe.RestoreReplace(ctx, key, 0, string(payload)).Err())
}

func TestFault32ClockSetBackDoesNotRobALivingWorker(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"one": "a few words"})
	r.size = 0
	r.lease = 300 * time.Millisecond
	r.prepare(plan.Options{Direct: true})
	check.Must(t, r.sup.Seed(t.Context()))
	// It counts for as long as we like, and its heart beats meanwhile.
	held, commit := make(chan struct{}), make(chan struct{})
	owner := r.startWorker("owner", wordcounttest.On(t, "commit", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		close(held)
		<-commit
		return next(ctx, cmd)
	}))
	<-held
	r.postpone("map", time.Hour)
	// The other one looks for the dead again and again, for some leases by its own clock.
	looks, start := 0, time.Now()
	enough := make(chan struct{})
	thief := r.startWorker("thief", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if wordcounttest.Called(cmd) == "xautoclaim" {
			if looks++; looks > 3 && time.Since(start) > 5*r.lease {
				select {
				case <-enough:
				default:
					close(enough)
				}
			}
		}
		return next(ctx, cmd)
	})
	select {
	case <-enough:
	case <-time.After(limit):
		t.Fatal("the thief doesn't look")
	}
	if n := r.stolen(); n != 0 {
		t.Errorf("%d tasks were taken from the living", n)
	}
	close(commit)
	r.finishExactly()
	owner.left(nil)
	thief.left(nil)
}

func TestFault32ClockThatJumpsForwardCostsExtraAttemptsOnly(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.size = 0
		r.prepare(o)
		check.Must(t, r.sup.Seed(t.Context()))
		held, commit := make(chan struct{}), make(chan struct{})
		var answer []string
		owner := r.startWorker("owner", wordcounttest.On(t, "commit", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			close(held)
			<-commit
			err := next(ctx, cmd)
			answer, _ = cmd.(*redis.Cmd).StringSlice()
			return err
		}))
		<-held
		r.overdue("map")
		thief := r.startWorker("thief")
		check.Await(t, "the owner's tasks were taken and done", func() bool { return r.stolen() > 0 && r.status().Pending() == 0 })
		close(commit)
		r.finishExactly()
		owner.left(nil)
		thief.left(nil)
		if len(answer) < 2 || answer[0] != "refused" || answer[1] != protocol.Settled {
			t.Errorf("the owner's commit was answered %q", answer)
		}
	})
}

// overdue makes all leases of a stream run out at once.
func (r *rig) overdue(stream string) {
	r.tb.Helper()
	ctx, key := context.Background(), r.plan.Job.Key(stream)
	pending, err := r.probe.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: key, Group: "workers", Start: "-", End: "+", Count: 10_000,
	}).Result()
	check.Must(r.tb, err)
	for _, p := range pending {
		check.Must(r.tb, r.probe.Do(ctx, "XCLAIM", key, "workers", p.Consumer, "0", p.ID, "IDLE", time.Hour.Milliseconds(), "JUSTID").Err())
	}
}

func TestJobsKeysAreAllThereIs(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.exact(bothModes[0])
	known := map[string]bool{}
	for _, key := range r.plan.Job.Keys() {
		known[key] = true
	}
	found := map[string]bool{}
	for _, key := range r.probe.Keys(t.Context(), "*").Val() {
		found[key] = known[key]
	}
	for key := range maps.Keys(found) {
		if !found[key] {
			t.Errorf("%s is no key of the job", key)
		}
	}
	if _, err := os.Stat(filepath.Join(r.folder.Dir, "jobs", r.plan.Job.ID, "sealed")); err != nil {
		t.Error(err)
	}
	n, err := protocol.Clean(t.Context(), r.rdb, r.plan.Job)
	check.Must(t, err)
	if left := r.probe.DBSize(t.Context()).Val(); left != 0 || n != len(found) {
		t.Errorf("%d keys were cleaned of %d, %d are left", n, len(found), left)
	}
}
