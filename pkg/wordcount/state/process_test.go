package state

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

// A folder may have come from anywhere, with any number in its lock.
func TestFault62TheSupervisorIsTheProcessThatHoldsTheLock(t *testing.T) {
	t.Parallel()
	me, other := os.Getpid(), script(t, `read line`)
	for _, c := range []struct {
		name, said string
		how        int
		is         bool
	}{
		{"the holder", fmt.Sprintln(me), unix.LOCK_EX, true},
		{"another process", fmt.Sprintln(other), unix.LOCK_EX, false},
		{"process 1", "1\n", unix.LOCK_EX, false},
		{"process 0", "0\n", unix.LOCK_EX, false},
		{"process -1", "-1\n", unix.LOCK_EX, false},
		{"a number that is cut off to the holder's", fmt.Sprintln(1<<32 + me), unix.LOCK_EX, false},
		{"no number", "supervisor\n", unix.LOCK_EX, false},
		{"nothing", "", unix.LOCK_EX, false},
		{"one that only asks whether there is one", fmt.Sprintln(me), unix.LOCK_SH, false},
		{"one that has left", fmt.Sprintln(me), unix.LOCK_UN, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Folder{Dir: t.TempDir()}
			lockAs(t, f.path("job", "lock"), c.said, c.how)
			switch p, err := f.Supervisor("job"); {
			case c.is && (err != nil || p.Pid != me):
				t.Errorf("it is %v, %v", p, err)
			case !c.is && !errors.Is(err, ErrNoProcess):
				t.Errorf("it is %v, %v", p, err)
			}
		})
	}
}

func TestFault62ALockOutsideOfTheFolderHasNoSupervisor(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	lockAs(t, filepath.Join(elsewhere, "job", "lock"), fmt.Sprintln(os.Getpid()), unix.LOCK_EX)
	for name, link := range map[string][2]string{
		"the lock is a link":   {filepath.Join(elsewhere, "job", "lock"), filepath.Join("jobs", "job", "lock")},
		"the folder is a link": {filepath.Join(elsewhere, "job"), filepath.Join("jobs", "job")},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder{Dir: t.TempDir()}
			at := filepath.Join(f.Dir, link[1])
			check.Must(t, os.MkdirAll(filepath.Dir(at), 0o700))
			check.Must(t, os.Symlink(link[0], at))
			if p, err := f.Supervisor("job"); !errors.Is(err, ErrNoProcess) {
				t.Errorf("it is %v, %v", p, err)
			}
		})
	}
	f := Folder{Dir: filepath.Join(elsewhere, "folder")}
	check.Must(t, os.MkdirAll(f.Dir, 0o700))
	if p, err := f.Supervisor("../../job"); !errors.Is(err, ErrNoProcess) {
		t.Errorf("of a job with such a name it is %v, %v", p, err)
	}
}

func TestFault62AWorkerIsAChildOfTheSupervisorUnderItsName(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	lockAs(t, f.path("job", "lock"), fmt.Sprintln(os.Getpid()), unix.LOCK_EX)
	child := script(t, `read line`, WorkerTitle("child")...)
	script(t, `read line`, "worker", "untitled")
	file := filepath.Join(t.TempDir(), "pid")
	script(t, `exec 3<&0; sh -c 'read line <&3' "$0" "$1" & echo >"$2"; wait`, append(WorkerTitle("grandchild"), file)...)
	check.Await(t, "the grandchild is there", func() bool { _, err := os.Stat(file); return err == nil })
	if p, err := f.Worker("job", "child"); err != nil || p.Pid != child {
		t.Errorf("the child is %v, %v", p, err)
	}
	for _, name := range []string{"untitled", "grandchild", "nobody", ""} {
		if p, err := f.Worker("job", name); !errors.Is(err, ErrNoProcess) {
			t.Errorf("%q is %v, %v", name, p, err)
		}
	}
	if p, err := f.Worker("other job", "child"); !errors.Is(err, ErrNoProcess) {
		t.Errorf("of another job it is %v, %v", p, err)
	}
}

// script is a process that runs a shell script until the test ends. Its command line ends with
// args.
func script(t *testing.T, text string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", text}, args...)...)
	in, err := cmd.StdinPipe()
	check.Must(t, err)
	check.Must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

// lockAs locks a file until the test ends, and writes into it who does so.
func lockAs(t *testing.T, path, said string, how int) {
	t.Helper()
	check.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	check.Must(t, err)
	t.Cleanup(func() { lock.Close() })
	check.Must(t, unix.Flock(int(lock.Fd()), how))
	_, err = lock.WriteString(said)
	check.Must(t, err)
}
