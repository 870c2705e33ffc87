package wordcount

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestCheckpointWaitsForOneThatBeganEarlierAndThenTakesItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	check.Must(t, r.sup.Seed(t.Context()))
	r.setConfig("rdb-key-save-delay", "50000") // microseconds a key
	check.Must(t, r.probe.BgSave(t.Context()).Err())
	check.Must(t, r.sup.Checkpoint(t.Context()))
	info, err := r.probe.InfoMap(t.Context(), "persistence").Result()
	check.Must(t, err)
	if saves := info["Persistence"]["rdb_saves"]; saves != "2" || info["Persistence"]["rdb_bgsave_in_progress"] != "0" || r.sup.Saves() != 1 {
		t.Errorf("%s saves by the server, %d by us", saves, r.sup.Saves())
	}
}

func TestCheckpointThatARestartCutsShortFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	check.Must(t, r.sup.Seed(t.Context()))
	r.rdb.AddHook(wordcounttest.On(t, "bgsave", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		r.server.Kill(t)
		r.server.Start(t)
		return err
	}))
	check.IsError(t, r.sup.Checkpoint(t.Context()), checkpoint.ErrFailed, "restarted")
	if r.sup.Saves() != 0 {
		t.Error("it counts as taken")
	}
}

func TestNoCheckpointIsTakenWhereNothingHappened(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.every = retry.Min
	r.prepare(bothModes[0])
	check.Must(t, r.sup.Seed(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.sup.Checkpoints(ctx)
	}()
	check.Await(t, "the first", func() bool { return r.sup.Saves() == 1 })
	h := wordcounttest.Of(t, protocol.Client{Redis: r.probe, Job: r.plan.Job}, r.plan, r.runID())
	h.MustCommit(h.Take("map", "w", 1)...)
	_, err := r.sup.Watch(ctx, mapped(1))
	check.Must(t, err)
	check.Await(t, "one more, for there was progress", func() bool { return r.sup.Saves() == 2 })
	cancel()
	<-ended
	if n := r.sup.Saves(); n != 2 {
		t.Errorf("%d checkpoints", n)
	}
}

func TestWithoutDurabilityNothingIsSaved(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	r.supervised(func(c *supervisor.Config) { c.Durability = checkpoint.None })
	var saves atomic.Int32
	r.rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if wordcounttest.Called(cmd) == "bgsave" {
			saves.Add(1)
		}
		return next(ctx, cmd)
	}))
	sealed := r.finishExactly()
	if saves.Load() != 0 || sealed.Durable != string(checkpoint.None) {
		t.Errorf("%d saves; durable: %s", saves.Load(), sealed.Durable)
	}
}

func TestWaitAOFWhereTheServerHasNoneIsRefusedByRedis(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	if r.hasWaitAOF() {
		t.Skip("this server has WAITAOF")
	}
	r.prepare(bothModes[0])
	r.supervised(func(c *supervisor.Config) { c.Durability = checkpoint.WaitAOF })
	r.finishFailing(protocol.ErrRedis, "WAITAOF", "choose another durability")
}

// No server here has an append-only file, so each refuses WAITAOF, if it knows the command at all.
func TestAServerThatCannotWaitForItsFileIsRefusedBeforeAnythingIsSeeded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	job := folderJob(t, folderOf(t, check.Texts(3, 10)), on(server), func(c *Config) { c.Durability = WaitAOF })
	_, err := job.Run(t.Context())
	check.IsError(t, err, ErrRedis, "WAITAOF", "choose another durability")
	if n := keysOn(t, server); n != 0 {
		t.Errorf("%d keys were written", n)
	}
}

// The distributions that this was written on have no Redis 7.2 yet.
func TestASealWithWaitAOFSurvivesACrashThatLeavesTheAppendOnlyFile(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 10))
	if !r.hasWaitAOF() {
		t.Skip("WAITAOF needs Redis 7.2")
	}
	r.setConfig("appendonly", "yes")
	r.prepare(bothModes[0])
	r.supervised(func(c *supervisor.Config) { c.Durability = checkpoint.WaitAOF })
	sealed := r.finishExactly()
	if sealed.Durable != string(checkpoint.WaitAOF) || r.sup.Saves() != 0 {
		t.Errorf("durable: %s, with %d checkpoints", sealed.Durable, r.sup.Saves())
	}
	r.kill()
	// Ours are started without one, so this is another server, on the same folder.
	port, err := redisd.FreePort()
	check.Must(t, err)
	restored := r.server.Command(t, "--dir", r.server.DataDir, "--appendonly", "yes", "--port", strconv.Itoa(port))
	check.Must(t, restored.Start())
	r.rdb = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strconv.Itoa(port)})
	t.Cleanup(func() { r.rdb.Close() })
	check.Await(t, "it has read the file", func() bool { return r.rdb.Ping(t.Context()).Err() == nil })
	r.check(sealed)
}

func (r *rig) hasWaitAOF() bool {
	r.tb.Helper()
	commands, err := r.probe.Command(context.Background()).Result()
	check.Must(r.tb, err)
	_, ok := commands["waitaof"]
	return ok
}

func TestACheckpointThatNeverBeganIsNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	check.Must(t, r.sup.Seed(t.Context()))
	r.rdb.AddHook(wordcounttest.On(t, "bgsave", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error { return nil }))
	check.IsError(t, r.sup.Checkpoint(t.Context()), checkpoint.ErrFailed, "could not save")
	if r.sup.Saves() != 0 {
		t.Error("it counts as taken")
	}
}

func TestACheckpointOfAnotherLifeOfTheServerIsNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	check.Must(t, r.sup.Seed(t.Context()))
	r.rdb.AddHook(wordcounttest.On(t, "bgsave", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error {
		r.server.Kill(t)
		r.server.Start(t)
		r.server.Checkpoint(t) // a sound one, of what the restart has left
		return nil
	}))
	check.IsError(t, r.sup.Checkpoint(t.Context()), checkpoint.ErrFailed, "restarted")
}
