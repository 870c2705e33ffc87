package wordcount

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

func TestFault17CheckpointThatCannotBeWrittenIsSaidAndTriedAgain(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 10))
		r.every = often
		r.prepare(o)
		// A folder in the place of the file: nothing can be renamed over it.
		check.Must(t, os.MkdirAll(filepath.Join(r.dump(), "in the way"), 0o700))
		var tries atomic.Int32
		r.rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if wordcounttest.Called(cmd) == "final" {
				tries.Add(1)
			}
			return next(ctx, cmd)
		}))
		run := r.start()
		run.until("both the loop and the seal have said so", func() bool {
			return r.said("checkpoint failed") > 1 && r.said("trying again every") > 0
		})
		run.until("the seal was tried again", func() bool { return tries.Load() > 4 })
		if n := r.said("trying again") - r.said("trying again every"); n != 1 {
			t.Errorf("the seal said %d times that it tries again", n)
		}
		if st := r.status(); st.Dismissed || st.Phase != "done" {
			t.Errorf("the workers were let go, or the job isn't done: %+v", st)
		}
		if sealed, ok, _ := r.folder.Sealed(r.plan.Job.ID); ok {
			t.Errorf("published without a checkpoint: %+v", sealed)
		}
		check.Must(t, os.RemoveAll(r.dump()))
		run.exactly()
		if r.sup.Saves() == 0 {
			t.Error("no checkpoint was taken")
		}
	})
}

func TestFault17FolderThatTakesNothingAtACheckpoint(t *testing.T) {
	t.Parallel()
	for what, breaks := range map[string]func(t *testing.T, dir string) (mend func()){
		"the disk is full": func(t *testing.T, dir string) func() {
			filler := redistest.Fill(t, dir)
			return func() { check.Must(t, os.Remove(filler)) }
		},
		"the folder is immutable": freeze, // for root, too
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRigOn(t, redistest.StartIn(t, redistest.SmallDisk(t)), check.Texts(10, 100))
			r.every = often
			r.prepare(bothModes[0])
			mend := breaks(t, r.server.DataDir)
			run := r.start()
			run.until("the seal has said so", func() bool { return r.said("trying again") > r.said("trying again every") })
			if sealed, ok, _ := r.folder.Sealed(r.plan.Job.ID); ok {
				t.Errorf("published without a checkpoint: %+v", sealed)
			}
			if r.said("checkpoint failed: ") == 0 {
				t.Error("nobody was told what failed")
			}
			mend()
			run.exactly()
		})
	}
}

func TestFault74AFullDiskIsToldAndWaitedForAndBlamesNoTask(t *testing.T) {
	t.Parallel()
	large := check.Words(40_000) // more than is written at once
	for what, c := range map[string]struct {
		files  map[string]string
		memory int64
	}{
		"when a map output ends":  {check.Texts(20, 10), 0},
		"in the middle of a task": {map[string]string{"a": large, "b": large}, 64 << 10},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.files)
			r.store = redistest.SmallDisk(t)
			r.faults = "slow=100ms:2" // nothing is committed when the disk gets full
			r.prepare(plan.Options{Reducers: 2, WholeFiles: true})
			r.team.Worker.Memory = c.memory
			var filler string
			r.whenSeen(inPhase("map"), func(protocol.Status) { filler = redistest.Fill(t, r.store) })
			run := r.start()
			run.until("the run has told of it", func() bool { return r.said("no space left on device") > 0 })
			if st := r.status(); st.Buried > 0 || st.Troubles > 0 || st.Phase != protocol.Mapping {
				t.Errorf("a task was blamed: %+v", st)
			}
			check.Must(t, os.Remove(filler))
			run.exactly()
			if r.said("died") > 0 {
				t.Error("a worker died of it")
			}
		})
	}
}

// freeze lets nobody make, rename or remove a file in a folder until it is mended.
func freeze(t *testing.T, path string) (mend func()) {
	t.Helper()
	dir, err := os.Open(path)
	check.Must(t, err)
	t.Cleanup(func() { dir.Close() })
	const immutable = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	flag := func(bits int) error { return unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, bits) }
	if err := flag(immutable); err != nil {
		t.Skipf("this system has no immutable folders: %v", err)
	}
	t.Cleanup(func() { flag(0) }) // or it couldn't be removed
	return func() { check.Must(t, flag(0)) }
}

func TestAResultThatCannotBePublishedEndsTheRunResumably(t *testing.T) {
	t.Parallel()
	disk := redistest.SmallDisk(t)
	server := redistest.Start(t)
	for _, c := range []struct {
		what, says    string
		breaks, mends func() error
	}{
		{
			"the disk is full", "no space left on device",
			func() error { redistest.Fill(t, disk); return nil },
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
			r := newRigOn(t, server, check.Texts(3, 10))
			r.folder = state.Folder{Dir: disk}
			r.prepare(bothModes[0])
			sealed := filepath.Join(r.folder.Dir, "jobs", r.plan.Job.ID, "sealed")
			r.whenSeen(inPhase("done"), func(protocol.Status) { check.Must(t, c.breaks()) })
			r.finishFailing(protocol.ErrIncomplete, strconv.Quote(sealed), c.says, "try again")
			if files, err := os.ReadDir(filepath.Dir(sealed)); err != nil || len(files) != 6 { // lock, manifest, plan, run, stores, tasks
				t.Errorf("the folder holds %v, %v", files, err)
			}
			check.Must(t, c.mends())
			r.events, r.seen = nil, nil
			r.finishExactly()
		})
	}
}

func TestFault20ChildOfACheckpointKilled(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 10))
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
		check.Must(t, err)
		check.Must(t, syscall.Kill(child, syscall.SIGKILL))
		run.exactly()
		if r.said("checkpoint failed: ") == 0 {
			t.Error("nobody was told")
		}
	})
}
