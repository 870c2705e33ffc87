package targets_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// notForGuests are the commands that a job must never need on a server that was given.
var notForGuests = []string{"FLUSHALL", "FLUSHDB", "KEYS", "CONFIG", "SHUTDOWN", "BGSAVE", "SAVE", "BGREWRITEAOF", "DEBUG",
	"REPLICAOF", "SWAPDB"}

func TestAGivenServerIsAskedForNothingThatAGuestDoesNotDo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(20)
	f.set("WORDCOUNT_REDUCERS", "3")
	conf := "requirepass word\n"
	for _, command := range notForGuests {
		conf += "rename-command " + command + " \"\"\n"
	}
	addr := f.private(conf)
	rdb := f.client(addr, "word")
	must(t, rdb.Set(t.Context(), "theirs", "untouched", 0).Err())
	f.use("redis://:word@"+addr, "")

	p := f.start("run")
	p.says("workers:spawn ")
	f.until("tasks in work", func(s status) bool { return s.Tasks.Pending > 0 })
	for key, ttl := range ttls(t, rdb) {
		if ttl != -1 {
			t.Errorf("before the seal %s expires in %v", key, ttl)
		}
	}
	r := p.exits(0)
	contains(t, r.out, "; durability: none\n")
	contains(t, r.err, "checkpoint:loop  none: durability is none")
	sealed := ttls(t, rdb)
	if len(sealed) < 2 || sealed["theirs"] != -1 {
		t.Errorf("keys %v", sealed)
	}
	delete(sealed, "theirs")
	const day = 24 * time.Hour
	for key, ttl := range sealed {
		if ttl <= 6*day || ttl > 7*day {
			t.Errorf("after the seal %s expires in %v", key, ttl)
		}
	}
	f.exact()
	contains(t, f.exits(3, "redis:stop").err, "never started, stopped or killed from here")
	f.exits(0, "clean")
	if left := ttls(t, rdb); len(left) != 1 || rdb.Get(t.Context(), "theirs").Val() != "untouched" {
		t.Errorf("after clean: %v", left)
	}
}

// ttls are the keys of a server with the time that they have, -1 if for ever.
func ttls(t *testing.T, rdb *redis.Client) map[string]time.Duration {
	t.Helper()
	left := map[string]time.Duration{}
	for keys := rdb.Scan(t.Context(), 0, "*", 1000).Iterator(); keys.Next(t.Context()); {
		left[keys.Val()] = rdb.PTTL(t.Context(), keys.Val()).Val()
	}
	return left
}

func TestAGivenServerIsNeverKilledByChaos(t *testing.T) {
	t.Parallel()
	f, guest := newFolder(t), newFolder(t)
	guest.guestOf(f)
	guest.slowTexts(60)
	guest.live()
	p, s := guest.running()
	contains(t, guest.exits(3, "chaos:restartRedis").err, "never started, stopped or killed from here")
	if s.Redis.Kind != "given" || s.Redis.PID != 0 || !alive(f.server.Pid) {
		t.Errorf("%+v, the server is alive: %v", s.Redis, alive(f.server.Pid))
	}
	guest.exits(0, "chaos:killWorker")
	p.exits(0)
	guest.exact()
}

func TestAGivenServerThatSomebodyRestartsIsWaitedFor(t *testing.T) {
	t.Parallel()
	f, guest := newFolder(t), newFolder(t)
	guest.guestOf(f)
	guest.slowTexts(40)
	guest.live()
	p, _ := guest.running()
	f.server.Kill(t) // without any snapshot
	f.server.Start(t)
	contains(t, p.exits(0).err, "! redis is back: ")
	guest.exact()
}

func TestTheMemoryBudgetOnAGivenServerIsKept(t *testing.T) {
	t.Parallel()
	f, guest := newFolder(t), newFolder(t)
	guest.guestOf(f)
	guest.slowTexts(20)
	guest.set("WORDCOUNT_REDIS_MEMORY", "1KiB")
	p := guest.start("run")
	r := p.exits(3)
	contains(t, r.err, "its budget is 1.0 KiB: raise WORDCOUNT_REDIS_MEMORY and run again to resume")
	guest.gone(p.team()...)
	job := guest.status().Job
	guest.set("WORDCOUNT_REDIS_MEMORY", "64MiB")
	guest.exits(0, "run")
	if now := guest.status().Job; now != job {
		t.Errorf("job %s went on as %s", job, now)
	}
	guest.exact()
}

// FAULTS 28
func TestAServerWithoutMemoryExits3AndTheJobResumes(t *testing.T) {
	t.Parallel()
	f, guest := newFolder(t), newFolder(t)
	guest.guestOf(f)
	guest.slowTexts(40)
	guest.live()
	p, _ := guest.running()
	rdb := f.redis()
	memory := func(limit string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		must(t, rdb.ConfigSet(ctx, "maxmemory", limit).Err())
	}
	memory("1")
	r := p.exits(3)
	contains(t, r.err, "give the server more memory, then run again to resume")
	memory("0")
	guest.set("WORDCOUNT_FAULTS", "")
	guest.exits(0, "run")
	guest.exact()
}
