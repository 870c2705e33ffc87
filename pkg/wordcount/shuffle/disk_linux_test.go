package shuffle

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

func TestFault74AFullDiskLeavesNothing(t *testing.T) {
	dir := redistest.SmallDisk(t)
	s, err := Open(t.Context(), dir)
	check.Must(t, err)
	t.Cleanup(func() { check.Must(t, s.Close()) })
	r := runOf(t, s, aJob, aRun)
	check.Must(t, r.Prepare())
	maps := filepath.Join(dir, r.maps())
	put(t, r, aName, 8, numbered(1000))

	for what, use := range map[string]func(w *Writer) error{
		"a spill larger than the disk": func(w *Writer) error { return w.Add(numbered(300_000).table()) },
		"the footer": func(w *Writer) error {
			filler := redistest.Fill(t, dir)
			defer os.Remove(filler)
			check.Must(t, w.Add(numbered(1000).table())) // it is still in the buffer
			_, err := w.Finish()
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			w, err := r.Create(anotherName, 8)
			check.Must(t, err)
			err = use(w)
			isOfHost(t, r, err, anotherName, "no space left on device")
			check.IsError(t, err, unix.ENOSPC)
			if _, again := w.Finish(); again == nil || again.Error() != err.Error() {
				t.Errorf("%v, and then %v", err, again)
			}
			if got := names(t, maps); len(got) != 1 || got[0] != aName {
				t.Errorf("the folder holds %q", got)
			}
		})
	}

	filler := redistest.Fill(t, dir)
	isOfHost(t, r, runOf(t, s, anotherJob, aRun).Prepare(), "no space left on device")
	check.Must(t, r.Prepare())
	got, err := get(r, aName, 8)
	check.Must(t, err)
	same(t, got, numbered(1000))
	check.Must(t, os.Remove(filler))
	put(t, r, anotherName, 8, numbered(1000))
}

func TestAFileSystemThatGoesAwayIsNoLoss(t *testing.T) {
	dir := redistest.SmallDisk(t)
	s, err := Open(t.Context(), filepath.Dir(dir)) // so that the disk is mounted within the store
	check.Must(t, err)
	t.Cleanup(func() { check.Must(t, s.Close()) })
	mounted := filepath.Join(filepath.Dir(dir), aJob)
	check.Must(t, os.Mkdir(mounted, 0o700))
	check.Must(t, unix.Mount(dir, mounted, "", unix.MS_BIND, ""))
	r := runOf(t, s, aJob, aRun)
	check.Must(t, r.Prepare())
	put(t, r, aName, 8, numbered(100))
	out, err := r.Open(aName, 8)
	check.Must(t, err)
	check.Must(t, out.Close())
	check.Must(t, unix.Unmount(mounted, unix.MNT_DETACH))
	for _, read := range []func() error{
		r.CheckMark,
		func() error { _, err := get(r, aName, 8); return err },
		func() error { _, err := getAll(r, out, 8); return err },
	} {
		err := read()
		isOfHost(t, r, err, r.mark())
		check.IsError(t, err, ErrNoMark)
	}
}

func TestWhatMayNotBeReadOrWrittenIsNoLoss(t *testing.T) {
	t.Parallel()
	for what, path := range map[string]func(r Run) string{
		"the store":      func(Run) string { return "." },
		"the job":        func(r Run) string { return r.job },
		"the run":        Run.dir,
		"the mark":       Run.mark,
		"the folder":     Run.maps,
		"the map output": func(r Run) string { return filepath.Join(r.maps(), aName) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, _ := prepared(t)
			put(t, r, aName, 8, numbered(100))
			closed := filepath.Join(r.store.where, path(r))
			check.Must(t, os.Chmod(closed, 0))
			t.Cleanup(func() { os.Chmod(closed, 0o700) })
			check.AsNobody(t, r.store.where)
			_, err := r.Open(aName, 8)
			if what != "the mark" {
				isOfHost(t, r, err, "permission denied")
				check.IsError(t, err, fs.ErrPermission)
			} else {
				check.Must(t, err)
			}
			w, err := r.Create(anotherName, 8)
			if what != "the map output" {
				isOfHost(t, r, err, "permission denied")
				check.IsError(t, err, fs.ErrPermission)
			} else {
				check.Must(t, err)
				check.Must(t, w.Abort())
			}
			if what == "the folder" {
				isOfHost(t, r, r.DiscardMaps(), "permission denied")
				check.IsError(t, r.CheckMark(), ErrNoMark) // it went first
			}
		})
	}
}

func TestAFolderThatMayOnlyBeReadTakesNothing(t *testing.T) {
	t.Parallel()
	r, maps := prepared(t)
	put(t, r, aName, 8, numbered(100))
	w, err := r.Create(anotherName, 8)
	check.Must(t, err)
	check.Must(t, os.Chmod(maps, 0o500))
	t.Cleanup(func() { os.Chmod(maps, 0o700) })
	check.AsNobody(t, r.store.where)
	_, err = w.Finish()
	isOfHost(t, r, err, anotherName, "permission denied")
	isOfHost(t, r, r.Remove(aName), aName, "permission denied")
	got, err := get(r, aName, 8)
	check.Must(t, err)
	same(t, got, numbered(100))
}

func TestFault74AFullDiskLeavesNothingOfAResultFile(t *testing.T) {
	dir := redistest.SmallDisk(t)
	s, err := Open(t.Context(), dir)
	check.Must(t, err)
	t.Cleanup(func() { check.Must(t, s.Close()) })
	r := runOf(t, s, aJob, aRun)
	check.Must(t, r.PrepareResults())
	check.Must(t, r.Prepare())
	w, err := r.CreateResult(aName, 0, 1)
	check.Must(t, err)
	for i := 1 << 20; i > 0 && err == nil; i-- {
		err = w.Add(count.Entry{Word: strings.Repeat("long", 100), N: uint64(i)})
	}
	if err == nil {
		_, err = w.Finish()
	}
	isOfHost(t, r, err, "no space left on device")
	if left := names(t, filepath.Join(dir, r.results())); len(left) > 0 {
		t.Errorf("there is %q", left)
	}
}
