package wordcount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestFault17CheckpointThatCannotBeWrittenIsSaidAndTriedAgain(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, texts(10, 10))
		r.prepare(o)
		// A folder in the place of the file: nothing can be renamed over it.
		must(t, os.MkdirAll(filepath.Join(r.dump(), "in the way"), 0o700))
		run := r.start()
		run.until("both the loop and the seal have said so", func() bool {
			return r.said("checkpoint failed") > 1 && r.said("trying again every") > 0
		})
		if st := r.status(); st.Released || st.Phase != "done" {
			t.Errorf("the workers were let go, or the job isn't done: %+v", st)
		}
		if sealed, ok, _ := r.folder.Sealed(r.plan.Job.ID); ok {
			t.Errorf("published without a checkpoint: %+v", sealed)
		}
		must(t, os.RemoveAll(r.dump()))
		run.exactly()
		if r.sup.Saves() == 0 {
			t.Error("no checkpoint was taken")
		}
	})
}

func TestFault17DiskFullAtACheckpoint(t *testing.T) {
	t.Parallel()
	r := newRigOn(t, redistest.StartIn(t, smallDisk(t)), texts(10, 100))
	r.prepare(bothModes[0])
	filler := fill(t, r.server.DataDir)
	run := r.start()
	run.until("the seal has said so", func() bool { return r.said("trying again") > r.said("trying again every") })
	if sealed, ok, _ := r.folder.Sealed(r.plan.Job.ID); ok {
		t.Errorf("published without a checkpoint: %+v", sealed)
	}
	if r.said("checkpoint failed: ") == 0 {
		t.Error("nobody was told what failed")
	}
	must(t, os.Remove(filler))
	run.exactly()
}

// smallDisk is a folder with room for a mebibyte.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skip("only root can have a small disk")
	}
	must(t, err)
	t.Cleanup(func() { // after a server's own end, which is asked for later
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on a small disk, and returns the file that takes it.
func fill(t *testing.T, dir string) string {
	t.Helper()
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk took it all: %v", err)
	}
	return filler
}

func TestAResultThatCannotBePublishedEndsTheRunResumably(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	server := redistest.Start(t)
	for _, c := range []struct {
		what, says    string
		breaks, mends func() error
	}{
		{
			"the disk is full", "no space left on device",
			func() error { fill(t, disk); return nil },
			func() error { return os.Remove(filepath.Join(disk, "filler")) },
		},
		{
			"the disk is read-only", "read-only file system",
			func() error { // with the lock open, the disk itself can't become so
				jobs := filepath.Join(disk, "jobs")
				if err := unix.Mount(jobs, jobs, "", unix.MS_BIND, ""); err != nil {
					return err
				}
				return unix.Mount("", jobs, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
			},
			func() error { return unix.Unmount(filepath.Join(disk, "jobs"), unix.MNT_DETACH) },
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := newRigOn(t, server, texts(3, 10))
			r.folder = Folder{disk}
			r.prepare(bothModes[0])
			sealed := r.folder.path(r.plan.Job.ID, "sealed")
			r.whenSeen(inPhase("done"), func(Status) { must(t, c.breaks()) })
			r.finishFailing(ErrIncomplete, strconv.Quote(sealed), c.says, "run again to resume")
			if files, err := os.ReadDir(filepath.Dir(sealed)); err != nil || len(files) != 4 { // lock, manifest, plan, run
				t.Errorf("the folder holds %v, %v", files, err)
			}
			must(t, c.mends())
			r.events, r.sup.Seen = nil, nil
			r.finishExactly()
		})
	}
}

func TestFault20ChildOfACheckpointKilled(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, texts(10, 10))
		r.every = never
		r.prepare(o)
		r.setConfig("rdb-key-save-delay", "2000000") // microseconds a key
		run := r.start()
		var temp []string
		run.until("the checkpoint is being written", func() bool {
			temp, _ = filepath.Glob(filepath.Join(r.server.DataDir, "temp-*.rdb"))
			return len(temp) == 1
		})
		r.setConfig("rdb-key-save-delay", "0")
		child := 0
		_, err := fmt.Sscanf(filepath.Base(temp[0]), "temp-%d.rdb", &child)
		must(t, err)
		must(t, syscall.Kill(child, syscall.SIGKILL))
		run.exactly()
		if r.said("checkpoint failed: ") == 0 {
			t.Error("nobody was told")
		}
	})
}
