package targets_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobOutlivesEachFaultAndIsExact(t *testing.T) {
	for target, says := range map[string]string{
		"chaos:killWorker":        "killed worker ",
		"chaos:pauseWorker":       " goes on\n",
		"chaos:restartRedis":      "after:  meta (hash, ",
		"chaos:rollbackRedis":     "after:  meta (hash, ",
		"chaos:corruptCheckpoint": "after:  meta (hash, ",
		"chaos:pauseRedis":        "paused redis for ",
		"chaos:dropReplies":       " replies\n",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			f := newFolderOnSocket(t)
			f.slowTexts(60)
			f.live()
			f.set("WORDCOUNT_LEASE", "500ms")
			f.set("WORDCOUNT_CHECKPOINT", "100ms")
			p := f.begun()
			job := f.job()
			attack := f.start(target)
			attack.says(says)
			p.letGo() // it has been hit; no need to be slow any more
			r := attack.exits(0)
			contains(t, r.out, "none counted twice\n")
			contains(t, r.out, "exact: ")
			lacks(t, r.err, "no job is running")
			p.exits(0)
			if now := f.job(); now != job {
				t.Errorf("the last job was %v and is %v", job, now)
			}
			f.exact()
		})
	}
}

func TestFault62AProcessThatRedisNamesAsAWorkerIsNotSignalled(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(60)
	f.live()
	f.set("WORDCOUNT_LEASE", "500ms")
	p := f.begun()
	team, job := p.team(), f.job()
	decoy := exec.Command("cat")
	in, err := decoy.StdinPipe()
	check.Must(t, err)
	check.Must(t, decoy.Start())
	t.Cleanup(func() {
		in.Close()
		if err := decoy.Wait(); err != nil {
			t.Errorf("the decoy ended with %v", err)
		}
	})
	host, err := os.Hostname()
	check.Must(t, err)
	for i := range 20 { // so that hardly any other worker holds a task
		name := fmt.Sprintf("decoy-%d", i)
		about, err := json.Marshal(protocol.WorkerInfo{PID: decoy.Process.Pid, Host: host})
		check.Must(t, err)
		check.Must(t, f.rdb.HSet(t.Context(), job.Key("workers"), name, about).Err())
		check.Must(t, f.rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: protocol.Group, Consumer: name, Streams: []string{job.StreamKey(protocol.Maps), ">"}, Count: 1, Block: -1,
		}).Err())
	}
	attack := f.start("chaos:killWorker")
	attack.says("killed worker ")
	p.letGo()
	_, killed, _ := strings.Cut(attack.out.String(), "killed worker ")
	killed, _, _ = strings.Cut(killed, " ")
	if pid, err := strconv.Atoi(killed); err != nil || !slices.Contains(team, pid) {
		t.Errorf("killed %q of the workers %v", killed, team)
	}
	contains(t, attack.exits(0).out, "exact: ")
	p.exits(0)
	f.exact()
}

func TestChaosResumesTheJobWhoseSupervisorItKills(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(60)
	f.live()
	p := f.begun()
	attack := f.start("chaos:killSupervisor")
	attack.says("killed supervisor ")
	p.exits(-1)
	f.gone(p.team(syscall.SIGCONT)...)
	f.set("WORDCOUNT_FAULTS", "")
	r := attack.exits(0)
	contains(t, r.out, "exact: ")
	f.exact()
}

func TestAJobOutlivesFaultsThatComeTogether(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	r := f.start("chaos:storm", "-time=5s", "-every=250ms", "-seed=1", "-bytes=16MiB").exits(0)
	contains(t, r.out, " is outlived, after ")
	contains(t, r.out, "exact: ")
	contains(t, r.out, "\nFAULT              TIMES\nkillWorker         ")
	contains(t, r.out, " of 16 MiB sealed and exact, ")
	contains(t, r.out, " calls checked: -seed=1\n")
}
