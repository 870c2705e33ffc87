package targets_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/report/timeline"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobWritesDownWhatHappened(t *testing.T) {
	t.Parallel()
	f := newFolderOnSocket(t)
	f.write(filepath.Join("data", `<img src=x onerror=alert(1)>`), strings.Repeat("<script>alert(1)</script> \u202eword ", 999))
	f.slowTexts(30)
	f.set("WORDCOUNT_CHECKPOINT", "100ms")
	p := f.begun()
	killed := p.team()[0]
	check.Must(t, syscall.Kill(killed, syscall.SIGKILL))
	p.says("checkpoint ")
	p.says("released, worker ")
	f.server.Kill(t)
	p.says("redis is back")
	p.exits(0)
	f.exact()

	job := f.job().ID
	folder := state.Folder{Dir: f.state()}
	records, left, err := event.Load(folder.Events(job))
	check.Must(t, err)
	if left > 0 {
		t.Errorf("%d lines are no events", left)
	}
	times := map[string]int{}
	sent, committed := map[string]string{}, map[string]bool{}
	var final []string
	var outputs []protocol.Output
	restarted, maps := false, 0
	for _, r := range records {
		times[r.Name]++
		switch r.Name {
		case event.Begin:
			maps = r.Maps
		case event.Death:
			if r.PID != killed {
				t.Errorf("process %d died, and %d was killed", r.PID, killed)
			}
		case event.Restart:
			restarted = true
		case event.Send:
			sent[r.Output] = r.Tasks
		case event.Commit:
			if restarted && r.Stream == "map" && r.Settled == "" && r.Open == "" {
				committed[r.Output] = true
			}
		case event.Outputs:
			final = r.Names
		}
	}
	for name, want := range map[string]int{event.Begin: 1, event.Death: 1, event.Restart: 1, event.Sealed: 1, event.Outputs: 1, event.End: 0, event.Start: 3} {
		if times[name] != want {
			t.Errorf("%s was written down %d times, not %d", name, times[name], want)
		}
	}
	for _, name := range final {
		if sent[name] == "" {
			t.Errorf("nobody has written down who made the output %s", name)
		}
		outputs = append(outputs, protocol.Output{Name: name, Tasks: sent[name]})
	}
	check.Must(t, protocol.Covered(outputs, maps))
	for name := range committed {
		if !slices.Contains(final, name) {
			t.Errorf("the output %s was committed after the last restart, and isn't in the job", name)
		}
	}

	run, err := timeline.Read(folder, job)
	check.Must(t, err)
	done := map[string]int{}
	for _, l := range run.Lanes {
		for _, a := range l.Attempts {
			if a.Outcome == timeline.Committed && a.Stream == "map" {
				done[a.Tasks]++
			}
			if a.Outcome == timeline.Open {
				t.Errorf("nobody knows what became of %+v", a)
			}
		}
	}
	for task, n := range done {
		if n != 1 {
			t.Errorf("task %s is committed %d times", task, n)
		}
	}
	if len(done) != maps {
		t.Errorf("%d of %d tasks are committed", len(done), maps)
	}
	r := f.exits(0, "report")
	contains(t, r.err, "report.html")
	page, err := os.ReadFile(filepath.Join(f.state(), "jobs", job, "report.html"))
	check.Must(t, err)
	for _, text := range []string{"<b>Sealed</b>", "&lt;script&gt;alert(1)&lt;/script&gt;", `\u202eword`} {
		contains(t, string(page), text)
	}
	lacks(t, string(page), "<script>alert")
	lacks(t, string(page), "<img")
	f.exits(2, "report", "-live", "-out=x")
	f.exits(0, "clean")
	for _, name := range []string{"events", "report.html"} {
		if _, err := os.Lstat(filepath.Join(f.state(), "jobs", job, name)); err == nil {
			t.Errorf("clean leaves %s", name)
		}
	}
	f.set("WORDCOUNT_FAULTS", "")
	r = f.exits(0, "-v", "run")
	for _, text := range []string{" begin ", " attempt ", " commit ", " phase ", " sealed "} {
		contains(t, r.err, text)
	}
	if n := strings.Count(r.err, " sealed "); n != 1 {
		t.Errorf("sealed is printed %d times", n)
	}
}
