package targets_test

import (
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

func TestStepsRunWhatTheyNeedAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(5)
	for range 2 {
		contains(t, f.exits(0, "redis:start").err, "data in .wordcount/redis")
		contains(t, f.exits(0, "functions:load").err, "wordcount_5 ")
		contains(t, f.exits(0, "stream:seed").err, "5 files")
		if s := f.status(); s.Phase != "map" || s.Tasks.Pending != 0 || s.Tasks.Done != 0 || len(s.Workers) != 0 {
			t.Errorf("seeded: %+v", s)
		}
	}
	f.exits(0, "run")
	contains(t, f.exits(0, "stream:seed").err, "up to date")
	contains(t, f.exits(0, "workers:spawn").err, "up to date") // and doesn't stay
	f.exact()
}

func TestAStoppedRedisIsStartedForVerifyAndHasEverything(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(5)
	f.exits(0, "run")
	pid := f.status().Redis.PID
	f.exits(0, "redis:stop")
	f.gone(pid)
	verified := f.exits(0, "verify")
	contains(t, verified.out, "exact: ")
	contains(t, verified.err, "data in .wordcount/redis, started for this; it goes on until redis:stop\n")
	lacks(t, f.exits(0, "status").err, "started for this")
	if now := f.status().Redis.PID; now == pid || !alive(now) {
		t.Errorf("redis was %d and is %d", pid, now)
	}
	f.exact()
	f.exits(0, "redis:stop")
	contains(t, f.exits(0, "redis:stop").err, "no server runs in this folder")
}

func TestWorkersAndCheckpointsInTheForegroundEndWhenARunSealsTheJob(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(20)
	f.live()
	f.set("WORDCOUNT_CHECKPOINT", "20ms")
	loop := f.start("checkpoint:loop")
	loop.says("checkpoint:loop  every 20ms")
	loop.says("checkpoint:loop  goes on until the job is sealed, which only run does")
	spawn := f.start("workers:spawn")
	spawn.says("workers:spawn    2 workers: ")
	spawn.says("workers:spawn    goes on until the job is sealed, which only run does")
	f.until("all is counted", func(s protocol.Status) bool { return s.Phase == "done" })
	for _, p := range []*process{loop, spawn} {
		select {
		case <-p.ended:
			t.Fatalf("%v ended before the seal: %s", p.cmd.Args[1:], &p.err)
		default:
		}
	}
	f.exits(0, "run")
	for _, p := range []*process{loop, spawn} {
		contains(t, p.exits(0).err, "job "+f.job().ID+" is sealed")
	}
	f.gone(spawn.team()...)
	f.exact()
}

func TestWorkersOfAnotherFolderJoinAJob(t *testing.T) {
	t.Parallel()
	host := newFolder(t)
	guest := host.guest()
	host.texts(20)
	host.exits(0, "stream:seed") // and nobody to count
	guest.set("WORDCOUNT_INPUT", filepath.Join(host.dir, "data"))
	joined := guest.start("workers:join", "-job="+host.job().ID)
	team := joined.team()
	host.until("the guests have counted all", func(s protocol.Status) bool { return s.Phase == "done" })
	host.exits(0, "run")
	joined.exits(0)
	guest.gone(team...)
	host.exact()
	contains(t, guest.exits(0, "workers:join", "-job="+host.job().ID).err, "is sealed already")
}
