package targets_test

import "testing"

func TestChaosKillsAWorkerOfTheJobThatRunsHere(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(60)
	f.live()
	p, s := f.running()
	r := f.exits(0, "chaos:killWorker")
	contains(t, r.out, "killed ")
	contains(t, r.out, " holding ")
	contains(t, r.out, "sealed: ")
	contains(t, r.out, "none counted twice\n")
	contains(t, r.out, "exact: ")
	lacks(t, r.err, "no job is running")
	contains(t, p.exits(0).err, " died: killed; its ")
	if now := f.status().Job; now != s.Job {
		t.Errorf("the last job was %s and is %s", s.Job, now)
	}
	f.exact()
}

func TestChaosRestartsRedisUnderTheJobThatRunsHere(t *testing.T) {
	for name, mode := range map[string]struct {
		texts    int // with reducers, seconds go by between commits
		reducers string
	}{"map and reduce": {140, "3"}, "map only": {60, "0"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.slowTexts(mode.texts)
			f.set("WORDCOUNT_REDUCERS", mode.reducers)
			f.set("WORDCOUNT_CHECKPOINT", "100ms")
			p := f.start("run")
			p.says("workers:spawn ")
			before := f.status().Redis
			r := f.exits(0, "chaos:restartRedis")
			contains(t, r.out, "before the kill: meta (hash, ")
			contains(t, r.out, "killed redis: ")
			contains(t, r.out, "after the restore: meta (hash, ")
			contains(t, r.out, "back after ")
			contains(t, r.out, "exact: ")
			contains(t, p.exits(0).err, "! redis is back: ")
			if now := f.status().Redis; now.PID == before.PID || now.Addr != before.Addr {
				t.Errorf("redis was %+v and is %+v", before, now)
			}
			f.exact()
		})
	}
}
