package wordcount

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
)

func TestCheckpointWaitsForOneThatBeganEarlierAndThenTakesItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	must(t, r.sup.Seed(t.Context()))
	r.setConfig("rdb-key-save-delay", "50000") // microseconds a key
	must(t, r.probe.BgSave(t.Context()).Err())
	must(t, r.sup.Checkpoint(t.Context()))
	info, err := r.probe.Info(t.Context(), "persistence").Result()
	must(t, err)
	if saves := infoField(info, "rdb_saves"); saves != "2" || infoField(info, "rdb_bgsave_in_progress") != "0" || r.sup.Saves() != 1 {
		t.Errorf("%s saves by the server, %d by us", saves, r.sup.Saves())
	}
}

func TestCheckpointThatARestartCutsShortFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	must(t, r.sup.Seed(t.Context()))
	r.rdb.AddHook(on("bgsave", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		r.server.Kill(t)
		r.server.Start(t)
		return err
	}))
	isError(t, r.sup.Checkpoint(t.Context()), errSave, "restarted")
	if r.sup.Saves() != 0 {
		t.Error("it counts as taken")
	}
}

func TestNoCheckpointIsTakenWhereNothingHappened(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.every = pauseMin
	r.prepare(bothModes[0])
	must(t, r.sup.Seed(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.sup.Checkpoints(ctx)
	}()
	await(t, "the first", func() bool { return r.sup.Saves() == 1 })
	r.sup.progress.Store(1)
	await(t, "one more, for there was progress", func() bool { return r.sup.Saves() == 2 })
	cancel()
	<-ended
	if n := r.sup.Saves(); n != 2 {
		t.Errorf("%d checkpoints", n)
	}
}

func TestWithoutDurabilityNothingIsSaved(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	r.sup.Durability = None
	var saves atomic.Int32
	r.rdb.AddHook(hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if called(cmd) == "bgsave" {
			saves.Add(1)
		}
		return next(ctx, cmd)
	}))
	sealed := r.finishExactly()
	if saves.Load() != 0 || sealed.Durable != string(None) {
		t.Errorf("%d saves; durable: %s", saves.Load(), sealed.Durable)
	}
}

func TestWaitAOFWhereTheServerHasNoneIsRefusedByRedis(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	if r.hasWaitAOF() {
		t.Skip("this server has WAITAOF")
	}
	r.prepare(bothModes[0])
	r.sup.Durability = WaitAOF
	r.finishFailing(ErrRedis, "WAITAOF", "choose another durability")
}

// The distributions that this was written on have no Redis 7.2 yet.
func TestASealWithWaitAOFSurvivesACrashThatLeavesTheAppendOnlyFile(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(10, 10))
	if !r.hasWaitAOF() {
		t.Skip("WAITAOF needs Redis 7.2")
	}
	r.setConfig("appendonly", "yes")
	r.prepare(bothModes[0])
	r.sup.Durability = WaitAOF
	sealed := r.finishExactly()
	if sealed.Durable != string(WaitAOF) || r.sup.Saves() != 0 {
		t.Errorf("durable: %s, with %d checkpoints", sealed.Durable, r.sup.Saves())
	}
	r.kill()
	// Ours are started without one, so this is another server, on the same folder.
	port, err := redisd.FreePort()
	must(t, err)
	restored := r.server.Command(t, "--dir", r.server.DataDir, "--appendonly", "yes", "--port", strconv.Itoa(port))
	must(t, restored.Start())
	r.rdb = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strconv.Itoa(port)})
	t.Cleanup(func() { r.rdb.Close() })
	await(t, "it has read the file", func() bool { return r.rdb.Ping(t.Context()).Err() == nil })
	r.check(sealed)
}

func (r *rig) hasWaitAOF() bool {
	r.tb.Helper()
	commands, err := r.probe.Command(context.Background()).Result()
	must(r.tb, err)
	_, ok := commands["waitaof"]
	return ok
}

func TestACheckpointThatNeverBeganIsNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	must(t, r.sup.Seed(t.Context()))
	r.rdb.AddHook(on("bgsave", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error { return nil }))
	isError(t, r.sup.Checkpoint(t.Context()), errSave, "could not save")
	if r.sup.Saves() != 0 {
		t.Error("it counts as taken")
	}
}

func TestACheckpointOfAnotherLifeOfTheServerIsNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	must(t, r.sup.Seed(t.Context()))
	r.rdb.AddHook(on("bgsave", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error {
		r.server.Kill(t)
		r.server.Start(t)
		r.server.Checkpoint(t) // a sound one, of what the restart has left
		return nil
	}))
	isError(t, r.sup.Checkpoint(t.Context()), errSave, "restarted")
}
