package wordcount

import (
	"encoding/json"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
	"golang.org/x/sys/unix"
)

// lying is a file whose size is 0 and that has contents.
const lying = "/proc/version"

// lyingFile is it as a manifest would have it, held open so that its time stays as it is.
func lyingFile(t *testing.T) input.File {
	t.Helper()
	held, err := os.Open(lying)
	check.Must(t, err)
	t.Cleanup(func() { held.Close() })
	now, err := input.Stat(lying)
	check.Must(t, err)
	if now.Size != 0 {
		t.Fatalf("%s says that it has %d bytes", lying, now.Size)
	}
	return input.File{Path: lying, MTime: now.Mtime}
}

func TestFault56AFileOfSizeZeroThatHasContentsIsRefusedAtSeeding(t *testing.T) {
	t.Parallel()
	_, err := plan.Scan(t.Context(), []string{lying}, "", plan.Options{})
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(lying), "contents")
	r := newRig(t, map[string]string{"a": "x", "empty": ""})
	link := filepath.Join(r.input, "link")
	check.Must(t, os.Symlink(lying, link))
	_, err = plan.Scan(t.Context(), []string{r.input}, "", plan.Options{})
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(link), "contents")
	check.Must(t, os.Remove(link))
	if sealed := r.exact(plan.Options{}); sealed.Files != 2 {
		t.Errorf("%+v", sealed)
	}
}

func TestFault56AFileOfSizeZeroThatHasContentsIsNeverCountedAsEmpty(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{"a": "x"})
		r.prepare(o)
		// As a file would be that begins to lie once the job is planned.
		m := r.plan.Manifest
		m.Files = append(m.Files, lyingFile(t))
		r.planned(plan.New(m, o))
		r.finishFailing(protocol.ErrIncomplete, strconv.Quote(lying), "its size is 0 bytes, and yet there are more")
		_, _, err := recount.Files(t.Context(), m, plan.Counting{}, recount.Share{}, func(int64) {})
		check.IsError(t, err, protocol.ErrInput, strconv.Quote(lying), "its size is 0 bytes, and yet there are more")
	})
}

// replacements are what a file may become whose opening, or reading, waits or never ends.
var replacements = map[string]func(t *testing.T, path string){
	"a FIFO": func(t *testing.T, path string) { check.Must(t, syscall.Mkfifo(path, 0o600)) },
	"a FIFO that somebody has open": func(t *testing.T, path string) {
		check.Must(t, syscall.Mkfifo(path, 0o600))
		writer, err := os.OpenFile(path, os.O_RDWR, 0)
		check.Must(t, err)
		t.Cleanup(func() { writer.Close() })
	},
	"a socket": func(t *testing.T, path string) {
		short, err := os.MkdirTemp("", "") // a socket's path must be short
		check.Must(t, err)
		t.Cleanup(func() { os.RemoveAll(short) })
		socket, err := net.Listen("unix", filepath.Join(short, "socket"))
		check.Must(t, err)
		t.Cleanup(func() { socket.Close() })
		check.Must(t, os.Rename(filepath.Join(short, "socket"), path))
	},
	"a link to a device": func(t *testing.T, path string) { check.Must(t, os.Symlink("/dev/zero", path)) },
	"a folder":           func(t *testing.T, path string) { check.Must(t, os.Mkdir(path, 0o700)) },
}

func TestFault57AnInputThatIsReplacedByWhatIsNoFileEndsTheRun(t *testing.T) {
	t.Parallel()
	for what, replace := range replacements {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(5, 10))
			r.prepare(plan.Options{})
			path := r.plan.Manifest.Files[2].Path
			check.Must(t, os.Remove(path))
			replace(t, path)
			r.finishFailing(protocol.ErrIncomplete, "input changed: "+strconv.Quote(path)+": it ")
			_, _, err := recount.Files(t.Context(), r.plan.Manifest, plan.Counting{}, recount.Share{}, func(int64) {})
			check.IsError(t, err, protocol.ErrInput, strconv.Quote(path))
		})
	}
}

func TestFault57AnEmptyInputThatIsReplacedAfterItWasCountedIsNoticed(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x", "empty": ""})
	r.prepare(plan.Options{})
	empty := r.plan.Manifest.Files[1]
	r.whenSeen(inPhase("done"), func(protocol.Status) {
		check.Must(t, os.Remove(empty.Path))
		check.Must(t, syscall.Mkfifo(empty.Path, 0o600))
		check.Must(t, os.Chtimes(empty.Path, time.Time{}, time.Unix(0, empty.MTime)))
	})
	r.finishFailing(protocol.ErrIncomplete, strconv.Quote(empty.Path), "not a regular file")
}

// A worker may be stuck in a call that nothing interrupts; here that is one to Redis that never
// comes back.
func TestFault57AWorkerThatIsStuckDoesNotOutliveItsSupervisor(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(2, 10))
	r.size = 1
	r.prepare(plan.Options{})
	check.Must(t, r.sup.Seed(t.Context()))
	trace := filepath.Join(t.TempDir(), "trace")
	r.harm = []sabotage{{Command: "xreadgroup", Trace: trace, Stick: true}}
	endpoint, err := json.Marshal(r.endpoint)
	check.Must(t, err)
	cmd := r.command()
	lifeline, err := cmd.StdinPipe()
	check.Must(t, err)
	check.Must(t, cmd.Start())
	check.Must(t, json.NewEncoder(lifeline).Encode(worker.Spec{
		Job: r.plan.Job, Consumer: "stuck", Lease: r.lease, Trust: r.sup.Trust(), Server: endpoint,
		Memory: worker.DefaultWorkerMemory, Store: r.store,
	}))
	check.Await(t, "the worker is stuck", func() bool {
		text, _ := os.ReadFile(trace)
		return len(text) > 0
	})
	check.Must(t, lifeline.Close()) // as the supervisor's death would
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(limit):
		cmd.Process.Kill()
		t.Error("it lives on")
	}
}

// A file server that has a lease on a file gives it back when it is told to. To open without
// waiting must not mean to give the file up.
func TestFault57AFileThatAFileServerHasALeaseOnIsWaitedFor(t *testing.T) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGIO)
	defer signal.Stop(told)
	r := newRig(t, check.Texts(2, 10))
	r.prepare(plan.Options{})
	server, err := os.OpenFile(r.plan.Manifest.Files[1].Path, os.O_RDWR, 0)
	check.Must(t, err)
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
	check.Must(t, err)
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
		check.Must(t, os.Symlink(path, link))
		for _, input := range []string{path, link} {
			m, err := plan.Scan(t.Context(), []string{input}, "", plan.Options{})
			if err == nil || len(m.Files) > 0 {
				t.Errorf("%s: %+v", what, m)
				continue
			}
			check.IsError(t, err, protocol.ErrInput, strconv.Quote(input), "neither a file nor a folder")
		}
	}
	if _, err := plan.Scan(t.Context(), []string{"/dev/null"}, "", plan.Options{}); err == nil || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("/dev/null: %v", err)
	}
}
