package wordcount

import (
	"context"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// lying is a file whose size is 0 and that has contents.
const lying = "/proc/version"

// lyingFile is it as a manifest would have it, held open so that its time stays as it is.
func lyingFile(t *testing.T) File {
	t.Helper()
	held, err := os.Open(lying)
	must(t, err)
	t.Cleanup(func() { held.Close() })
	now, err := stat(lying)
	must(t, err)
	if now.size != 0 {
		t.Fatalf("%s says that it has %d bytes", lying, now.size)
	}
	return File{Path: lying, MTime: now.mtime}
}

func TestFault56AFileOfSizeZeroThatHasContentsIsRefusedAtSeeding(t *testing.T) {
	t.Parallel()
	_, err := Scan(lying, "", Selection{})
	isError(t, err, ErrInput, strconv.Quote(lying), "contents")
	r := newRig(t, map[string]string{"a": "x", "empty": ""})
	link := filepath.Join(r.input, "link")
	must(t, os.Symlink(lying, link))
	_, err = Scan(r.input, "", Selection{})
	isError(t, err, ErrInput, strconv.Quote(link), "contents")
	must(t, os.Remove(link))
	if sealed := r.exact(Options{}); sealed.Files != 2 {
		t.Errorf("%+v", sealed)
	}
}

func TestFault56AFileOfSizeZeroThatHasContentsIsNeverCountedAsEmpty(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, map[string]string{"a": "x"})
		r.prepare(o)
		// As a file would be that begins to lie once the job is planned.
		m := r.plan.Manifest
		m.Files = append(m.Files, lyingFile(t))
		r.planned(NewPlan(m, o))
		r.finishFailing(ErrIncomplete, strconv.Quote(lying), "its size is 0 bytes, and yet there are more")
		_, err := NewRecount(t.Context(), m, Part{}, func(int64) {})
		isError(t, err, ErrInput, strconv.Quote(lying), "its size is 0 bytes, and yet there are more")
	})
}

func TestFault56AReadBehindThePlannedSizeIsNoted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte("12345"), 0o600))
	fd, now, err := openFile(t.Context(), path)
	must(t, err)
	defer unix.Close(fd)
	for _, c := range []struct {
		size          int64
		off, n, got   int
		asked, longer bool
	}{
		{5, 0, 3, 3, false, false},
		{5, 0, 5, 5, false, false},
		{5, 0, 6, 5, true, false},
		{5, 2, 9, 3, true, false},
		{5, 5, 1, 0, true, false},
		{4, 0, 4, 4, false, false},
		{4, 0, 5, 5, true, true},
		{4, 4, 1, 1, true, true},
		{7, 0, 8, 5, false, false}, // it isn't known yet whether that was all
	} {
		f := input{fd: fd, file: File{Path: path, Size: c.size, MTime: now.mtime}}
		n, err := f.ReadAt(make([]byte, c.n), int64(c.off))
		if n != c.got || err != nil && err != io.EOF || f.asked != c.asked || f.longer != c.longer {
			t.Errorf("%+v: read %d, %v; %v, %v", c, n, err, f.asked, f.longer)
		}
	}
}

// replacements are what a file may become whose opening, or reading, waits or never ends.
var replacements = map[string]func(t *testing.T, path string){
	"a FIFO": func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) },
	"a FIFO that somebody has open": func(t *testing.T, path string) {
		must(t, syscall.Mkfifo(path, 0o600))
		writer, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		t.Cleanup(func() { writer.Close() })
	},
	"a socket": func(t *testing.T, path string) {
		short, err := os.MkdirTemp("", "") // a socket's path must be short
		must(t, err)
		t.Cleanup(func() { os.RemoveAll(short) })
		socket, err := net.Listen("unix", filepath.Join(short, "socket"))
		must(t, err)
		t.Cleanup(func() { socket.Close() })
		must(t, os.Rename(filepath.Join(short, "socket"), path))
	},
	"a link to a device": func(t *testing.T, path string) { must(t, os.Symlink("/dev/zero", path)) },
	"a folder":           func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) },
}

func TestFault57AnInputThatIsReplacedByWhatIsNoFileEndsTheRun(t *testing.T) {
	t.Parallel()
	for what, replace := range replacements {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, texts(5, 10))
			r.prepare(Options{})
			path := r.plan.Manifest.Files[2].Path
			must(t, os.Remove(path))
			replace(t, path)
			r.finishFailing(ErrIncomplete, "input changed: "+strconv.Quote(path)+": it ")
			_, err := NewRecount(t.Context(), r.plan.Manifest, Part{}, func(int64) {})
			isError(t, err, ErrInput, strconv.Quote(path))
		})
	}
}

func TestFault57AnEmptyInputThatIsReplacedAfterItWasCountedIsNoticed(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x", "empty": ""})
	r.prepare(Options{})
	empty := r.plan.Manifest.Files[1]
	r.whenSeen(inPhase("done"), func(Status) {
		must(t, os.Remove(empty.Path))
		must(t, syscall.Mkfifo(empty.Path, 0o600))
		must(t, os.Chtimes(empty.Path, time.Time{}, time.Unix(0, empty.MTime)))
	})
	r.finishFailing(ErrIncomplete, strconv.Quote(empty.Path), "not a regular file")
}

// A worker may be stuck in a call that nothing interrupts; here that is one to Redis that never comes back.
func TestFault57AWorkerThatIsStuckDoesNotOutliveItsSupervisor(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(2, 10))
	r.size = 1
	r.prepare(Options{})
	must(t, r.sup.Seed(t.Context()))
	trace := filepath.Join(t.TempDir(), "trace")
	r.harm = []sabotage{{Command: "xreadgroup", Trace: trace, Stick: true}}
	r.team.Fail = func(err error) { t.Error(err) }
	r.team.Trust = r.sup.Trust()
	r.team.living = map[int]*process{}
	worker, err := r.team.hire(r.team.spec())
	must(t, err)
	await(t, "the worker is stuck", func() bool {
		text, _ := os.ReadFile(trace)
		return len(text) > 0
	})
	must(t, worker.lifeline.Close()) // as the supervisor's death would
	ended := make(chan error, 1)
	go func() { ended <- worker.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(limit):
		worker.cmd.Process.Kill()
		t.Error("it lives on")
	}
}

func TestFault57AWorkerWhoseReadDoesNotComeBackFallsSilent(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{}) // outside, for it looks names up
	defer rdb.Close()
	synctest.Test(t, func(t *testing.T) {
		var beats atomic.Int32
		rdb.AddHook(hook(func(context.Context, redis.Cmder, redis.ProcessHook) error {
			beats.Add(1)
			return nil
		}))
		job := Job{ID: "job"}
		w := &Worker{Job: job, Lease: DefaultLease, protocol: protocol{rdb, job}}
		w.leases.add("a run", taskID{"map", 1})
		ctx, cancel := context.WithCancel(t.Context())
		go w.heartbeat(ctx)
		speaks := func(what string, want bool) {
			t.Helper()
			before := beats.Load()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if n := beats.Load() - before; n > 0 != want {
				t.Errorf("%s it beats %d times", what, n)
			}
		}
		speaks("without a file", true)
		w.reads.begin()
		speaks("with a file in work", true)
		for range 20 {
			w.reads.next()
			speaks("while its reads get on", true)
		}
		time.Sleep(Patience)
		speaks("long after its last read", false)
		w.reads.next()
		speaks("when that has come back", true)
		w.reads.end()
		time.Sleep(2 * Patience)
		speaks("long after its last file", true)
		cancel()
	})
}

// A file server that has a lease on a file gives it back when it is told to. To open without waiting must not mean to give
// the file up.
func TestFault57AFileThatAFileServerHasALeaseOnIsWaitedFor(t *testing.T) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGIO)
	defer signal.Stop(told)
	r := newRig(t, texts(2, 10))
	r.prepare(Options{})
	server, err := os.OpenFile(r.plan.Manifest.Files[1].Path, os.O_RDWR, 0)
	must(t, err)
	defer server.Close()
	if _, err := unix.FcntlInt(server.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skipf("no leases on this file system: %v", err)
	}
	u := r.start()
	select {
	case <-told:
	case <-u.ended:
		t.Fatalf("nobody was told: %v", u.err)
	}
	_, err = unix.FcntlInt(server.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	must(t, err)
	u.exactly()
}

func TestFault58WhatIsNeitherAFileNorAFolderIsNoInput(t *testing.T) {
	t.Parallel()
	for what, make := range replacements {
		if what == "a folder" {
			continue
		}
		path := filepath.Join(t.TempDir(), "input")
		make(t, path)
		link := filepath.Join(t.TempDir(), "link")
		must(t, os.Symlink(path, link))
		for _, input := range []string{path, link} {
			m, err := Scan(input, "", Selection{})
			if err == nil || len(m.Files) > 0 {
				t.Errorf("%s: %+v", what, m)
				continue
			}
			isError(t, err, ErrInput, strconv.Quote(input), "neither a file nor a folder")
		}
	}
	if _, err := Scan("/dev/null", "", Selection{}); err == nil || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("/dev/null: %v", err)
	}
}
