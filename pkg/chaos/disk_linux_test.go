package chaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

func newDisk(t *testing.T) *Disk {
	t.Helper()
	d, err := NewDisk()
	if errors.Is(err, ErrNoDisk) {
		t.Skip("only root can have a small disk")
	}
	check.Must(t, err)
	return d
}

func TestADiskIsFullForAWhileAndGoneInTheEnd(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	write := func() error { return os.WriteFile(filepath.Join(d.Path(), "file"), make([]byte, 8<<10), 0o600) }
	check.Must(t, d.Fill()) // with nothing on it
	if err := write(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("an empty disk that is full: %v", err)
	}
	check.Must(t, d.Free())
	check.Must(t, write())
	check.Must(t, d.Fill())
	other := filepath.Join(d.Path(), "other")
	if err := os.WriteFile(other, []byte("x"), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(d.Path(), "file")); err != nil || len(text) != 8<<10 {
		t.Errorf("what was on it: %d bytes, %v", len(text), err)
	}
	check.Must(t, d.Free())
	check.Must(t, os.WriteFile(other, []byte("x"), 0o600))
	path := d.Path()
	check.Must(t, d.Close())
	if _, err := os.Stat(filepath.Join(path, "file")); err == nil {
		t.Error("it is still there")
	}
}

func TestABitIsFlippedOnAFullDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	path := filepath.Join(d.Path(), "file")
	check.Must(t, os.WriteFile(path, make([]byte, 8<<10), 0o600))
	check.Must(t, d.Fill())
	check.Must(t, flipBit(path))
	text, err := os.ReadFile(path)
	check.Must(t, err)
	if flipped := slices.Index(text, 1); len(text) != 8<<10 || flipped != 4<<10 {
		t.Errorf("%d bytes, and the bit of byte %d is flipped", len(text), flipped)
	}
	check.Must(t, d.Close())
}

func TestFillShuffleGivesTheSpaceBackWhenAWorkerHasWaited(t *testing.T) {
	t.Parallel()
	for what, blame := range map[string]bool{"no task is blamed": false, "a task is blamed": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a := newTarget(t)
			a.supervise(t)
			a.Disk = newDisk(t)
			defer a.Disk.Close()
			run := a.Redis.HGet(t.Context(), a.Plan.Job.Key("meta"), "run").Val()
			client := protocol.Client{Redis: a.Redis, Job: a.Plan.Job}
			a.give(t, "worker")
			done := make(chan error, 1)
			go func() {
				_, err := a.FillShuffle(t.Context())
				done <- err
			}()
			full := func() error { // a file of its own, because there is always room for one that is there
				return os.WriteFile(filepath.Join(a.Disk.Path(), protocol.NewNonce()), []byte("x"), 0o600)
			}
			check.Await(t, "the disk is full", func() bool { return errors.Is(full(), unix.ENOSPC) })
			if blame {
				_, err := client.Fail(t.Context(), run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, protocol.NewNonce(), 3, protocol.Cause{})
				check.Must(t, err)
			}
			check.Must(t, client.Renew(t.Context(), run, "worker", protocol.WorkerInfo{Beat: 1, Waits: "no room"}, protocol.Maps, nil))
			if !blame {
				check.Await(t, "there is room again", func() bool { return full() == nil })
				_, err := client.Commit(t.Context(), run, protocol.Commit{Tasks: []int{1}, Output: protocol.NewNonce(), Host: "host"})
				check.Must(t, err)
			}
			err := <-done
			if said := strings.Join(a.lines(), ""); blame != errors.Is(err, errBlamed) || !blame && (err != nil || !strings.HasPrefix(said, "filled the disk")) {
				t.Errorf("it ends with %v, and said %q", err, said)
			}
			check.Must(t, full()) // it is given back in any case
		})
	}
}

func TestFillShuffleFillsNoDiskThatOthersUse(t *testing.T) {
	t.Parallel()
	if _, err := (Attack{}).FillShuffle(context.Background()); !errors.Is(err, ErrNoDisk) {
		t.Errorf("it ends with %v", err)
	}
}
