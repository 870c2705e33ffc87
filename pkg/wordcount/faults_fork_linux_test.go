package wordcount

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

func TestFault09RedisKilledDuringACheckpoint(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.faults = "slow=20ms:2"
		r.prepare(o)
		life := r.serverRun()
		child, seen := 0, filepath.Join(t.TempDir(), "seen")
		r.whenSeen(func(st protocol.Status) bool { return st.Pending() > 0 }, func(protocol.Status) {
			child = r.orphan()
			// The second instance tells what is left of the orphan before it does anything else.
			r.startBy(fmt.Sprintf(`{ tr -d '\0' </proc/%d/cmdline; ls temp-*.rdb; } >%s 2>/dev/null`, child, seen))
		})
		var newest os.FileInfo
		r.saved = func() (err error) {
			newest, err = os.Stat(r.dump())
			return err
		}
		sealed := r.finishExactly()
		if left, err := os.ReadFile(seen); err != nil || len(left) > 0 {
			t.Errorf("when redis was started again there was still %q (%v)", left, err)
		}
		if alive(child) { // it goes on, to show what comes of that
			t.Errorf("the orphan %d is still there", child)
			check.Must(t, syscall.Kill(child, syscall.SIGCONT))
			check.Await(t, "the orphan has finished its checkpoint", func() bool { return !alive(child) })
		}
		if now, err := os.Stat(r.dump()); err != nil || !os.SameFile(now, newest) {
			t.Errorf("the last checkpoint is another one's: %v", err)
		}
		r.restarted(life, 1)
		r.kill()
		r.server.Start(t)
		r.check(sealed)
	})
}

// orphan kills the server alone in the middle of a checkpoint, and returns the child that writes
// it. That one is stopped, so that it neither comes to its end nor notices anything: if it is gone
// later on, somebody has killed it.
func (r *rig) orphan() (child int) {
	r.tb.Helper()
	r.setConfig("rdb-key-save-delay", "500000") // microseconds a key
	check.Must(r.tb, r.probe.BgSave(r.tb.Context()).Err())
	var temp []string
	check.Await(r.tb, "the checkpoint is being written", func() bool {
		temp, _ = filepath.Glob(filepath.Join(r.server.DataDir, "temp-*.rdb"))
		return len(temp) == 1
	})
	_, err := fmt.Sscanf(filepath.Base(temp[0]), "temp-%d.rdb", &child)
	check.Must(r.tb, err)
	check.Must(r.tb, syscall.Kill(child, syscall.SIGSTOP))
	parent := r.pidOfRedis()
	check.Must(r.tb, syscall.Kill(parent, syscall.SIGKILL))
	check.Await(r.tb, "the server is dead", func() bool { return !alive(parent) })
	if _, err := os.Stat(temp[0]); !alive(child) || err != nil {
		r.tb.Fatalf("the child %d did not outlive its server: %v", child, err)
	}
	return child
}

// startBy has the server started by a shell from now on, which does something first, in the
// server's folder.
func (r *rig) startBy(first string) {
	r.tb.Helper()
	script := filepath.Join(r.tb.TempDir(), "redis-server") // by this name it is known as ours
	redistest.WriteExecutable(r.tb, script, fmt.Appendf(nil, "#!/bin/sh\n%s\nexec '%s' \"$@\"\n", first, r.server.Program))
	r.program.Store(&script)
}

func TestFault20CheckpointThatCannotFork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("a server can't be kept from forking: ", err)
	}
	if asNobody(t) {
		return
	}
	r := newRig(t, check.Texts(10, 10))
	r.every = often
	r.prepare(bothModes[0])
	pid := r.pidOfRedis()
	r.allow("0")
	if err := r.probe.BgSave(t.Context()).Err(); err == nil {
		t.Fatal("redis can fork")
	}
	run := r.start()
	run.until("both the loop and the seal have said so", func() bool {
		return r.said("checkpoint failed: ") > 1 && r.said("trying again every") > 0
	})
	if st := r.status(); st.Dismissed || st.Phase != "done" {
		t.Errorf("the workers were let go, or the job isn't done: %+v", st)
	}
	if sealed, ok, _ := r.folder.Sealed(r.plan.Job.ID); ok {
		t.Errorf("published without a checkpoint: %+v", sealed)
	}
	if r.sup.Saves() != 0 {
		t.Errorf("%d checkpoints were taken", r.sup.Saves())
	}
	r.allow("1000")
	run.exactly()
	if r.sup.Saves() == 0 || r.pidOfRedis() != pid {
		t.Errorf("%d checkpoints, by process %d instead of %d", r.sup.Saves(), r.pidOfRedis(), pid)
	}
}

// asNobody runs the test once more, as a user whom limits hold, and tells whether it has: they
// don't hold root, and Redis there can always fork.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return false
	}
	const nobody = 65534
	dir := t.TempDir()
	program, err := os.ReadFile("/proc/self/exe") // where it is, nobody may not go
	check.Must(t, err)
	own := filepath.Join(dir, "test")
	redistest.WriteExecutable(t, own, program)
	for _, path := range []string{filepath.Dir(dir), dir, own} {
		check.Must(t, os.Chown(path, nobody, nobody))
	}
	cmd := exec.Command(own, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_RUNTIME_DIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_DAC_OVERRIDE}, // the server's program may be in root's cache
	}
	out, err := cmd.CombinedOutput()
	t.Logf("as nobody: %s", out)
	if err != nil {
		t.Error(err)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skip("it was skipped for nobody")
	}
	return true
}

// allow sets how many processes and threads the server's user may have for the server to fork.
func (r *rig) allow(most string) {
	r.tb.Helper()
	cmd := exec.Command("prlimit", "--pid", strconv.Itoa(r.pidOfRedis()), "--nproc="+most+":")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.tb.Fatalf("%v: %s", err, out)
	}
}
