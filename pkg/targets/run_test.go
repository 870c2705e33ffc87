package targets_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestRunVerifyInAFolderWithNothingInItCountsExactly(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	check.Must(t, f.server.Stop(t.Context()))
	f.texts(5)
	f.write("data/deeper/one more.txt", "") // empty files count as files
	r := f.exits(0, "run", "verify")
	contains(t, r.out, "in 6 files; nothing redone; durability: bgsave\n")
	contains(t, r.out, "exact: ")
	for _, step := range []string{"redis:start", "functions:load", "stream:seed", "workers:spawn", "checkpoint:loop"} {
		contains(t, "\n"+r.err, "\n"+step+" ")
	}
	if _, err := os.Stat(filepath.Join(f.state(), "redis", "dump.rdb")); err != nil {
		t.Errorf("sealed without a snapshot: %v", err)
	}
	f.exact()
}

func TestResultsGoToStandardOutputAndProgressToStandardError(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(5)
	run := f.exits(0, "run")
	sealed, words, _ := strings.Cut(run.out, "\n")
	if !regexp.MustCompile(`^sealed  800 words, 67 distinct, in 5 files; `).MatchString(sealed) {
		t.Errorf("first line: %s", sealed)
	}
	if !regexp.MustCompile(`^( +\d+  \S+\n){10}$`).MatchString(words) {
		t.Errorf("the top words:\n%s", words)
	}
	contains(t, words, `  "\xff0"`+"\n") // what a terminal can't show is quoted
	lacks(t, run.err, "sealed  ")
	lacks(t, run.err, "Ωmega")
	for _, args := range [][]string{{"verify"}, {"top"}, {"export"}, {"status"}, {"status", "-json"}} {
		r := f.exits(0, args...)
		if r.out == "" || r.err != "" {
			t.Errorf("%v: %s", args, r)
		}
	}
}

func TestASecondRunIsUpToDate(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(5)
	first, job := f.exits(0, "run"), f.status().Job
	second := f.exits(0, "run")
	if second.out != first.out {
		t.Errorf("printed\n%s, before that\n%s", second.out, first.out)
	}
	contains(t, second.err, "up to date, sealed 2")
	lacks(t, second.err, "workers:spawn")
	lacks(t, second.err, "checkpoint:loop")

	f.write("data/new.txt", "news")
	third := f.exits(0, "run")
	contains(t, third.err, "workers:spawn")
	if f.status().Job == job {
		t.Error("other input is the same job")
	}
	f.exact()
}

func TestThePrintedCommandReachesTheSortedSet(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.write("redis-cli", "#!/bin/sh\nprintf '%s\\n' \"$REDISCLI_AUTH\" \"$@\"\n")
	check.Must(t, os.Chmod(filepath.Join(f.dir, "redis-cli"), 0o755))
	_, hint, _ := strings.Cut(f.exits(0, "run").err, "sorted set: ")
	sh := exec.Command("sh", "-c", "PATH='"+f.dir+"':$PATH; "+hint)
	sh.Dir = f.dir
	out, err := sh.CombinedOutput()
	check.Must(t, err)
	password, err := os.ReadFile(f.server.Given().PasswordFile)
	check.Must(t, err)
	want := string(password) + "-h\n127.0.0.1\n-p\n" + port(f.server.Addr) + "\nzrevrange\n" + f.job().Key("counts") + "\n0\n9\nwithscores\n"
	if string(out) != want {
		t.Errorf("%s runs redis-cli with\n%s, want\n%s", hint, out, want)
	}
}

func TestFlagsBeatVariables(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(3)
	f.write("elsewhere/one.txt", "one")
	f.set("WORDCOUNT_INPUT", "nowhere")
	f.set("WORDCOUNT_REDUCERS", "7")
	r := f.exits(0, "run", "-input=elsewhere", "-workers=3", "-reducers=0")
	contains(t, r.out, "sealed  1 words, 1 distinct, in 1 file; ")
	contains(t, r.err, ": 1 file, 3 B, 1 split\n")
	contains(t, r.err, "3 workers: ")
	if s := f.status(); s.Tasks.Total != 1 {
		t.Errorf("%d tasks", s.Tasks.Total)
	}
}

func TestATeamWithEveryCrashPointAndASlowWorkerIsExact(t *testing.T) {
	for name, reducers := range map[string]string{"map and reduce": "3", "map only": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.texts(30)
			f.set("WORDCOUNT_REDUCERS", reducers)
			f.set("WORDCOUNT_WORKERS", "6")
			f.set("WORDCOUNT_FAULTS", "crash@before-read:1,crash@after-read:1,crash@mid-count:1,crash@before-commit:1,"+
				"crash@after-commit:1,slow=50ms:1")
			r := f.exits(0, "run")
			contains(t, r.err, " died: killed; ")
			f.exact()
		})
	}
}

func TestARedisKilledFromOutsideIsStartedAgain(t *testing.T) {
	for name, reducers := range map[string]string{"map and reduce": "3", "map only": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.slowTexts(30)
			f.set("WORDCOUNT_REDUCERS", reducers)
			p := f.heldUp()
			before := f.status().Redis
			check.Must(t, syscall.Kill(before.PID, syscall.SIGKILL))
			p.says("! redis is back: ") // nobody but the supervisor is there to start it
			p.letGo()
			p.exits(0)
			if now := f.status().Redis; now.PID == before.PID || now.Addr != before.Addr {
				t.Errorf("redis was %v and is %v", before, now)
			}
			f.exact()
		})
	}
}
