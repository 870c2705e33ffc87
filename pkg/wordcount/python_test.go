package wordcount

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// python is the worker in Python, beside a job.
type python struct {
	*rig
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended chan struct{}
}

// startPython starts the worker in Python, which finds Redis at an address.
func (r *rig) startPython(addr string) *python {
	r.tb.Helper()
	p := &python{rig: r, ended: make(chan struct{})}
	p.cmd = exec.Command(pythonWithRedis(r.tb), filepath.Join("testdata", "python", "worker.py"), r.plan.Job.ID, r.input)
	p.cmd.Stderr = &p.said
	p.cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "LEASE_MS=1000",
		"REDIS_URL=redis://"+addr+"/0", "WORDCOUNT_REDIS_PASSWORD_FILE="+r.server.Given().PasswordFile)
	check.Must(r.tb, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	r.tb.Cleanup(func() { p.cmd.Process.Kill(); <-p.ended })
	return p
}

// exits waits until the worker has left by itself.
func (p *python) exits(status int) {
	p.tb.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.tb.Fatal("the worker in Python doesn't leave")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != status {
		p.tb.Errorf("the worker in Python has ended with %d: %s", code, &p.said)
	}
}

// pythonWithRedis is the python3 that runs the worker. Without one the test is skipped.
func pythonWithRedis(tb testing.TB) string {
	tb.Helper()
	program, ok := check.PythonWithRedis(tb.Context())
	if !ok {
		tb.Skip("no python3 here has the module redis: Debian has it as python3-redis")
	}
	return program
}

// textsForPython are texts in which Python and Go could differ about what a word is.
func textsForPython(t *testing.T) map[string]string {
	t.Helper()
	files := check.Texts(20, 30)
	for _, name := range []string{"white-space.txt", "empty.txt", "tides.tsv"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "data", name))
		check.Must(t, err)
		files["0 "+name] = string(text) // the first task
	}
	files["0 not UTF-8"] = "a\xe2\x80b \xc2\x85c\xe3\x80 \xe3\x80\x80d\x00e\xff\xa0f\xf0\xc2\xa0g\x1ch\x0bi\r\nj\xe1\x9a\x80k\xe2\x81\x9f"
	return files
}

func TestAWorkerInPythonCountsBesideWorkersInGoAndBothMayBeKilled(t *testing.T) {
	t.Parallel()
	pythonWithRedis(t)
	r := newRig(t, textsForPython(t))
	r.lease = time.Second
	r.faults = "crash@" + string(worker.BeforeCommit) + ":2"
	r.prepare(plan.Options{Direct: true})
	check.Must(t, r.sup.Seed(t.Context()))

	// It counts five texts alone, and stands before its next commit until a worker in Go has died.
	const before = 5
	there, free := make(chan struct{}), make(chan struct{})
	proxy := wordcounttest.NewProxy(t, r.server.Addr, func(point string, forward bool) bool {
		if point != "commit.6" || !forward {
			return false
		}
		close(there)
		<-free
		return true
	})
	release := sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	python := r.startPython(proxy.Addr())
	select {
	case <-there:
	case <-python.ended:
		t.Fatalf("the worker in Python has ended: %s", &python.said)
	}
	if st := r.status(); st.Mapped != before || st.Pending() != 1 {
		t.Errorf("it was to commit %d tasks and to hold one, and the job is %+v", before, st)
	}
	job := r.start()
	job.until("a worker in Go dies", func() bool { return r.team.Restarts() > 0 })
	check.Must(t, python.cmd.Process.Kill())
	release()
	another := r.startPython(r.server.Addr)
	sealed := job.exactly()
	another.exits(0)

	outputs, err := r.probe.HVals(t.Context(), r.plan.Job.Key("outputs")).Result()
	check.Must(t, err)
	byPython := 0
	for _, output := range outputs {
		if strings.Contains(output, " python%20on%20") {
			byPython++
		}
	}
	if byPython < before || len(outputs) != sealed.Splits {
		t.Errorf("%d of %d outputs are Python's", byPython, len(outputs))
	}
}

func TestAWorkerInPythonDoesAgainWhatRedisHasLost(t *testing.T) {
	t.Parallel()
	pythonWithRedis(t)
	r := newRig(t, check.Texts(6, 10))
	r.prepare(plan.Options{Direct: true})
	check.Must(t, r.sup.Seed(t.Context()))
	r.server.Checkpoint(t)
	p := r.startPython(r.server.Addr)
	done := func() bool { return r.status().Mapped == 6 }
	check.Await(t, "all is counted", done)
	r.server.Kill(t)
	r.server.Start(t) // with other passwords
	check.Await(t, "all is counted again", done)
	sealed, err := r.sup.Seal(t.Context())
	check.Must(t, err)
	p.exits(0)
	r.check(sealed)
}

func TestAWorkerInPythonGivesUpATaskThatKillsWorkers(t *testing.T) {
	t.Parallel()
	pythonWithRedis(t)
	r := newRig(t, check.Texts(2, 5))
	r.prepare(plan.Options{Direct: true})
	check.Must(t, r.sup.Seed(t.Context()))
	client := protocol.Client{Redis: r.probe, Job: r.plan.Job}
	_, err := wordcounttest.Take(t.Context(), client, protocol.Maps, "dead", 1)
	check.Must(t, err)
	_, err = client.Release(t.Context(), r.runID(), "dead", true)
	check.Must(t, err)
	check.Must(t, r.probe.HSet(t.Context(), r.plan.Job.Key("attempts"), "map 1 deaths", 8).Err())
	r.startPython(r.server.Addr)
	check.Await(t, "one task is done, and one given up", func() bool {
		st := r.status()
		return st.Mapped == 1 && st.Buried == 1
	})
	letters, err := protocol.DeadLetters(t.Context(), r.probe, r.plan.Job)
	check.Must(t, err)
	if letters[0].Code != protocol.Deaths || letters[0].Number != 1 {
		t.Errorf("given up is %+v", letters)
	}
}

func TestAWorkerInPythonGivesBackWhatItCannotCount(t *testing.T) {
	t.Parallel()
	pythonWithRedis(t)
	server := redistest.Start(t)
	for what, c := range map[string]struct {
		text   string
		o      plan.Options
		change func(r *rig) error // after the plan
		says   string
	}{
		"a compressed file": {text: string(check.Gzip(t, "packed")), says: "is compressed"},
		"a split":           {text: "two words", o: plan.Options{Split: 4, Direct: true}, says: "is no whole file in "},
		"a file elsewhere": {text: "elsewhere", says: "is no whole file in ", change: func(r *rig) error {
			r.input += "/folder"
			return os.Mkdir(r.input, 0o755)
		}},
		"a file that has changed": {text: "now", says: "is not the file that was planned", change: func(r *rig) error {
			return check.Append(filepath.Join(r.input, "1"), " more")
		}},
		"a file that is gone": {text: "gone", says: "No such file", change: func(r *rig) error {
			return os.Remove(filepath.Join(r.input, "1"))
		}},
		"a word that is too long": {text: strings.Repeat("x", count.MaxWord+1), says: "has a word of more than 1 MiB"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRigOn(t, server, map[string]string{"1": c.text})
			o := c.o
			o.Direct = true
			r.prepare(o)
			check.Must(t, r.sup.Seed(t.Context()))
			if c.change != nil {
				check.Must(t, c.change(r))
			}
			p := r.startPython(server.Addr)
			p.exits(1)
			if !strings.Contains(p.said.String(), c.says) || strings.Count(p.said.String(), "\n") != 1 {
				t.Errorf("it says %q", &p.said)
			}
			back, err := r.probe.HExists(t.Context(), r.plan.Job.Key("attempts"), "map 1 returned").Result()
			if st := r.status(); err != nil || !back || st.Buried != 0 || st.Mapped != 0 {
				t.Errorf("%v, %v, %+v", back, err, st)
			}
		})
	}
}

func TestAWorkerInPythonLeavesJobsThatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	pythonWithRedis(t)
	r := newRig(t, check.Texts(2, 5))
	r.prepare(plan.Options{Reducers: 1})
	check.Must(t, r.sup.Seed(t.Context()))
	p := r.startPython(r.server.Addr)
	p.exits(1)
	if st := r.status(); !strings.Contains(p.said.String(), "reducers") || st.Pending() != 0 {
		t.Errorf("it says %q, and the job is %+v", &p.said, st)
	}
}

func TestTheWorkerInPythonIsShort(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "python", "worker.py"))
	check.Must(t, err)
	if n := bytes.Count(text, []byte("\n")); n > 80 {
		t.Errorf("it has %d lines, and the README says 80", n)
	}
}
