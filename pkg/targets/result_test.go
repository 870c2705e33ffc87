package targets_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestExportReplacesTheFileInOneStep(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(3)
	f.exits(0, "run")
	f.write("results/counts.tsv", "old")
	path := filepath.Join(f.dir, "results", "counts.tsv")
	reader, err := os.Open(path)
	check.Must(t, err)
	defer reader.Close()
	if r := f.exits(0, "export", "-out=results/counts.tsv"); r.out != "" {
		t.Errorf("also on standard output: %s", r.out)
	}
	if old, err := io.ReadAll(reader); string(old) != "old" {
		t.Errorf("who was reading it has %q, %v", old, err)
	}
	text, err := os.ReadFile(path)
	check.Must(t, err)
	if string(text) != f.counted() {
		t.Errorf("exported:\n%s", text)
	}
	f.onlyFile(path)
}

// onlyFile fails if there is anything beside this file, or in the folder for temporary ones.
func (f *folder) onlyFile(path string) {
	f.Helper()
	for _, dir := range []string{filepath.Dir(path), f.env["TMPDIR"]} {
		entries, err := os.ReadDir(dir)
		check.Must(f, err)
		for _, e := range entries {
			if filepath.Join(dir, e.Name()) != path {
				f.Errorf("left behind: %s", filepath.Join(dir, e.Name()))
			}
		}
	}
}

func TestFault38LimitOnAFilesSizeLeavesTheOldExport(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(20)
	f.exits(0, "run")
	f.write("results/counts.tsv", "old")
	path := filepath.Join(f.dir, "results", "counts.tsv")
	// As on a full disk a write falls short, and the next one fails; but this needs no root.
	limited := exec.Command("sh", "-c", `ulimit -f 1 && exec "$0" "$@"`, f.program, "export", "-out=results/counts.tsv")
	p := f.startCommand(limited)
	f.keepsOld(path, p)
}

// keepsOld requires that an export fails, and leaves the old file, which says so, and nothing beside it.
func (f *folder) keepsOld(path string, export *process) {
	f.Helper()
	<-export.ended
	if code := export.cmd.ProcessState.ExitCode(); code <= 0 || export.out.String() != "" {
		f.Errorf("exit %d\n%s%s", code, &export.out, &export.err)
	}
	contains(f, export.err.String(), "write result: ")
	if text, err := os.ReadFile(path); string(text) != "old" {
		f.Errorf("the file is now %q, %v", text, err)
	}
	f.onlyFile(path)
}

func TestExportIntoAFolderThatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	p := f.start("export", "-out=nowhere/counts.tsv")
	<-p.ended
	contains(t, p.err.String(), "nowhere")
	if code := p.cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("exit %d: %s", code, &p.err)
	}
}

func TestALostSortedSetIsNoEmptyResult(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(3)
	f.exits(0, "run")
	f.write("results/counts.tsv", "old")
	check.Must(t, f.rdb.Del(t.Context(), f.job().Key("counts")).Err())
	path := filepath.Join(f.dir, "results", "counts.tsv")
	contains(t, f.exits(3, "export", "-out=results/counts.tsv").err, f.program+" clean run")
	if text, err := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	f.onlyFile(path)
	contains(t, f.exits(3, "top").err, f.program+" clean run")
	f.exits(6, "verify")
	f.exits(0, "clean")
	f.exits(0, "run")
	f.exact()
}

func TestTopPrintsSoManyWordsInOrder(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("data/a.txt", strings.Repeat("often ", 1234)+"b b a a rare")
	f.exits(0, "run")
	if got, want := f.exits(0, "top", "-n=3").out, "       1,234  often\n           2  a\n           2  b\n"; got != want {
		t.Errorf("top 3:\n%s, want\n%s", got, want)
	}
	if got := f.exits(0, "top").out; lines(got) != 4 {
		t.Errorf("all:\n%s", got)
	}
}

func TestStatusTellsWhereARunningJobStands(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	p := f.begun()
	f.until("both workers have told of themselves", func(s protocol.Status) bool { return len(s.Workers) == 2 })
	var team []int
	var s status
	for range 5 { // workers that are stopped between two tasks hold none
		team = p.team(syscall.SIGSTOP)
		if s = f.status(); s.Tasks.Pending > 0 {
			break
		}
		p.team(syscall.SIGCONT)
	}
	if s.Job != f.job().ID || s.Phase != "map" || s.Tasks.Total != 30 || s.Tasks.Done == 0 || s.Tasks.Pending == 0 ||
		s.Tasks.Done+s.Tasks.Pending > 30 {
		t.Errorf("running: %+v", s)
	}
	if s.Redis.Kind != string(f.server.Kind) || s.Redis.Addr != f.server.Addr || s.Redis.PID != f.server.Pid {
		t.Errorf("on %+v, the server is %v", s.Redis, f.server)
	}
	held := 0
	var pids []int
	for _, w := range s.Workers {
		pids = append(pids, w.PID)
		held += w.Tasks
		if w.ID == "" || w.State != "working" && w.State != "idle" {
			t.Errorf("worker %+v", w)
		}
	}
	slices.Sort(pids)
	slices.Sort(team)
	if !slices.Equal(pids, team) || held != s.Tasks.Pending {
		t.Errorf("workers %v hold %d tasks; %v are there, %d are pending", pids, held, team, s.Tasks.Pending)
	}
	contains(t, f.exits(0, "status").out, "job      "+s.Job+"  map\n")
	contains(t, f.exits(5, "top").err, "is not sealed: it is being counted, wait for its end\n")

	// Programs rely on the names.
	var tree map[string]any
	check.Must(t, json.Unmarshal([]byte(f.exits(0, "status", "-json").out), &tree))
	tree["worker"] = tree["workers"].([]any)[0]
	for _, path := range []string{"job", "phase", "tasks.total", "tasks.done", "tasks.pending", "worker.id", "worker.pid",
		"worker.state", "worker.tasks", "redis.kind", "redis.addr", "redis.pid"} {
		top, name, nested := strings.Cut(path, ".")
		value := tree[top]
		if nested {
			value = value.(map[string]any)[name]
		}
		if value == nil {
			t.Errorf("no %s in %v", path, tree)
		}
	}

	p.letGo()
	p.exits(0)
	if s = f.status(); s.Phase != "sealed" || s.Tasks.Done != 30 || s.Tasks.Pending != 0 || s.Tasks.Total != 30 {
		t.Errorf("sealed: %+v", s)
	}
}

func TestCleanDeletesWhatChaosHasLeft(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for _, name := range []string{"chaos/jobs/0123456789abcdef/run", "chaos-texts-1024/part-00000.txt", "chaos-texts-1024.spec.json"} {
		f.write(filepath.Join(".wordcount", name), "left")
	}
	contains(t, f.exits(0, "clean").err, "clean            .wordcount/chaos-texts-1024 deleted\n")
	if left, err := filepath.Glob(filepath.Join(f.state(), "chaos*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestCleanRemovesThisFoldersJobsAndNoOthers(t *testing.T) {
	t.Parallel()
	mine := newFolder(t)
	theirs := mine.guest()
	mine.texts(3)
	theirs.texts(4)
	theirs.exits(0, "run")
	for n := range 2 { // two jobs of ours
		mine.write("data/more.txt", fmt.Sprint("more", n))
		mine.exits(0, "run")
	}
	rdb := mine.rdb
	before, err := rdb.DBSize(t.Context()).Result()
	check.Must(t, err)
	if cleaned := mine.exits(0, "clean").err; strings.Count(cleaned, "keys deleted") != 2 {
		t.Errorf("cleaned:\n%s", cleaned)
	}
	contains(t, mine.exits(2, "verify").err, "no job was run in this folder yet")
	keys, err := rdb.Keys(t.Context(), "*").Result()
	check.Must(t, err)
	if len(keys) == 0 || len(keys) >= int(before) {
		t.Errorf("%d keys of %d are left", len(keys), before)
	}
	for _, key := range keys {
		if key != theirs.job().Key(key[strings.LastIndex(key, "}:")+2:]) {
			t.Errorf("%s is left", key)
		}
	}
	theirs.exact()

	mine.server.Kill(t) // no crash brings them back
	mine.server.Start(t)
	if n := rdb.DBSize(t.Context()).Val(); n > int64(len(keys)) {
		t.Errorf("%d keys after a crash, %d before it", n, len(keys))
	}
	r := mine.exits(0, "run")
	contains(t, r.err, "workers:spawn")
	mine.exact()
}
