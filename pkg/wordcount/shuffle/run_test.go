package shuffle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

func TestNamesAreCheckedBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	r, _ := prepared(t)
	for _, bad := range []string{"", ".", "..", "../..", "/", "/etc", "a/b", aRun + "/", "../" + aRun[3:], aRun + "\n", aRun + "A",
		strings.ToLower(aRun), aRun[:25] + "1", aRun[:25] + "\x00", aRun[:24] + "ä", aRun + ".part", strings.Repeat("A", 1<<20)} {
		_, err := r.store.Run(aJob, bad)
		check.IsError(t, err, ErrName, "run")
		_, err = r.store.Run(bad, aRun)
		check.IsError(t, err, ErrName, "job")
		_, err = r.Create(bad, 8)
		check.IsError(t, err, ErrName, "map output")
		_, err = r.Open(bad, 8)
		check.IsError(t, err, ErrName, "map output")
		check.IsError(t, r.Remove(bad), ErrName, "map output")
		if len(err.Error()) > 300 {
			t.Errorf("%d bytes of message", len(err.Error()))
		}
	}
	for _, partitions := range []int{-1, 0, MaxPartitions + 1, 1 << 40} {
		_, err := r.Create(aName, partitions)
		check.IsError(t, err, ErrName)
		_, err = r.Open(aName, partitions)
		check.IsError(t, err, ErrName)
	}
}

func TestAStoreIsMadeInAFolderThatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Open(t.Context(), filepath.Join(dir, "store"))
	check.IsError(t, err, ErrHost, filepath.Join(dir, "store"), "its folder is not there")
	check.IsError(t, err, ErrNoStore)
	_, err = Make(t.Context(), filepath.Join(dir, "unmounted", "store"))
	check.IsError(t, err, ErrHost, filepath.Join(dir, "unmounted", "store"), "its folder is not there")
	check.IsError(t, err, ErrNoStore)
	for range 2 {
		s, err := Make(t.Context(), filepath.Join(dir, "store"))
		check.Must(t, err)
		check.Must(t, s.Close())
	}
}

func TestARunIsPreparedWhileAnotherSupervisorDeletesIt(t *testing.T) {
	t.Parallel()
	r, _ := prepared(t)
	for range 500 {
		var both sync.WaitGroup
		both.Go(func() { r.Delete() }) // which fails if the run is prepared meanwhile
		both.Go(func() { check.Must(t, r.Prepare()) })
		both.Wait()
	}
}

func TestWhatIsThereIsNoMissingStore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "store")
	check.Must(t, os.WriteFile(file, nil, 0o600))
	for what, open := range map[string]func(context.Context, string) (*Store, error){"open": Open, "make": Make} {
		_, err := open(t.Context(), file)
		check.IsError(t, err, ErrHost, file)
		if errors.Is(err, ErrNoStore) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// everyUse is what a worker does with a run. What is there, and is sound, is read without a mark.
func everyUse(r Run) map[string]error {
	_, created := r.Create(anotherName, 8)
	_, opened := r.Open(anotherName, 8)
	return map[string]error{"mark": r.CheckMark(), "create": created, "open": opened}
}

func TestWithoutTheMarkEverythingIsTheHostsError(t *testing.T) {
	t.Parallel()
	for what, unmark := range map[string]func(r Run, dir string) error{
		"no store":      func(r Run, dir string) error { return os.RemoveAll(dir) },
		"no job":        func(r Run, dir string) error { return os.RemoveAll(filepath.Join(dir, aJob)) },
		"no run":        func(r Run, dir string) error { return os.RemoveAll(filepath.Join(dir, aJob, aRun)) },
		"no mark":       func(r Run, dir string) error { return os.Remove(filepath.Join(dir, r.mark())) },
		"an empty mark": func(r Run, dir string) error { return os.Truncate(filepath.Join(dir, r.mark()), 0) },
		"a longer mark": func(r Run, dir string) error {
			return os.WriteFile(filepath.Join(dir, r.mark()), []byte(aRun+"A"), 0o600)
		},
		"another runs mark": func(r Run, dir string) error {
			return os.WriteFile(filepath.Join(dir, r.mark()), []byte(anotherRun), 0o600)
		},
		"discarded": func(r Run, dir string) error { return r.DiscardMaps() },
		"deleted":   func(r Run, dir string) error { return r.Delete() },
		"a folder": func(r Run, dir string) error {
			mark := filepath.Join(dir, r.mark())
			return errors.Join(os.Remove(mark), os.Mkdir(mark, 0o700))
		},
		"a pipe": func(r Run, dir string) error {
			mark := filepath.Join(dir, r.mark())
			return errors.Join(os.Remove(mark), unix.Mkfifo(mark, 0o600))
		},
		"a link to a mark": func(r Run, dir string) error {
			mark := filepath.Join(dir, r.mark())
			return errors.Join(os.Rename(mark, mark+"2"), os.Symlink("mark2", mark))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, maps := prepared(t)
			put(t, r, aName, 8, numbered(100))
			check.Must(t, unmark(r, r.store.where))
			for use, err := range everyUse(r) {
				t.Run(use, func(t *testing.T) {
					isOfHost(t, r, err, r.mark())
					check.IsError(t, err, ErrNoMark)
				})
			}
			if written, _ := filepath.Glob(filepath.Join(maps, anotherName+"*")); len(written) > 0 {
				t.Errorf("there is %q", written)
			}
		})
	}
}

func TestAMissingFolderIsNoLoss(t *testing.T) {
	t.Parallel()
	r, maps := prepared(t)
	check.Must(t, os.Remove(maps))
	_, err := r.Open(aName, 8)
	isOfHost(t, r, err, aName, "its folder is missing")
	_, err = r.Create(aName, 8)
	isOfHost(t, r, err, aName, "its folder is missing")
	check.Must(t, r.Prepare())
	_, err = r.Open(aName, 8)
	isLost(t, err, "not there")
}

func TestARunThatIsDeletedWhileAMapOutputIsWrittenTakesIt(t *testing.T) {
	t.Parallel()
	for what, remove := range map[string]func(Run) error{"deleted": Run.Delete, "discarded": Run.DiscardMaps} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, _ := prepared(t)
			w, err := r.Create(aName, 8)
			check.Must(t, err)
			check.Must(t, remove(r))
			check.Must(t, w.Add(numbered(1000).table()))
			_, err = w.Finish()
			isOfHost(t, r, err)
			check.IsError(t, err, ErrNoMark)
			check.IsError(t, w.Add(numbered(1).table()), ErrNoMark)
			if got := names(t, r.store.where); len(got) > 0 {
				t.Errorf("the store holds %q", got)
			}
		})
	}
}

func TestARunThatIsDeletedWhileAMapOutputIsReadIsNoLoss(t *testing.T) {
	t.Parallel()
	aRunThatIsDeletedWhileAMapOutputIsReadIsNoLoss(t, prepared)
}

func aRunThatIsDeletedWhileAMapOutputIsReadIsNoLoss(t *testing.T, prepared maker) {
	r, _ := prepared(t)
	put(t, r, aName, 8, numbered(100))
	out, err := r.Open(aName, 8)
	check.Must(t, err)
	check.Must(t, out.Close())
	check.Must(t, r.Delete())
	_, err = getAll(r, out, 8)
	isOfHost(t, r, err)
	check.IsError(t, err, ErrNoMark)
}

func TestAMarkIsRestored(t *testing.T) {
	t.Parallel()
	aMarkIsRestored(t, prepared)
}

func aMarkIsRestored(t *testing.T, prepared maker) {
	r, maps := prepared(t)
	put(t, r, aName, 8, numbered(100))
	check.Must(t, r.CheckMark())
	mark := filepath.Join(filepath.Dir(maps), "mark")
	check.Must(t, os.Remove(mark))
	check.Must(t, r.Prepare())
	check.Must(t, os.Truncate(mark, 3)) // as by a crash
	check.Must(t, r.Prepare())
	check.Must(t, r.CheckMark())
	got, err := get(r, aName, 8)
	check.Must(t, err)
	same(t, got, numbered(100))
	if got := names(t, maps); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestARunIsDeletedByItself(t *testing.T) {
	t.Parallel()
	r, _ := prepared(t)
	dir := r.store.where
	sibling, other := runOf(t, r.store, aJob, anotherRun), runOf(t, r.store, anotherJob, aRun)
	for _, r := range []Run{r, sibling, other} {
		check.Must(t, r.Prepare())
		put(t, r, aName, 8, numbered(100))
	}
	there := func(r Run, want bool) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(dir, r.dir())); (err == nil) != want {
			t.Errorf("%s: %v", r.dir(), err)
		}
	}
	results := filepath.Join(dir, r.dir(), "result")
	check.Must(t, os.Mkdir(results, 0o700))
	for range 2 {
		check.Must(t, r.DiscardMaps())
	}
	there(r, true)
	if got := names(t, filepath.Dir(results)); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
	for range 2 {
		check.Must(t, r.Delete())
	}
	there(r, false)
	there(sibling, true)
	check.Must(t, sibling.DiscardMaps())
	there(sibling, false)
	there(other, true)
	_, err := get(other, aName, 8)
	check.Must(t, err)
	if got := names(t, dir); len(got) != 1 || got[0] != anotherJob {
		t.Errorf("the store holds %q", got)
	}
}

func TestAMapOutputIsRemoved(t *testing.T) {
	t.Parallel()
	aMapOutputIsRemoved(t, prepared)
}

func aMapOutputIsRemoved(t *testing.T, prepared maker) {
	r, maps := prepared(t)
	put(t, r, aName, 8, numbered(100))
	put(t, r, anotherName, 8, numbered(100))
	for range 2 {
		check.Must(t, r.Remove(aName))
	}
	if got := names(t, maps); len(got) != 1 || got[0] != anotherName {
		t.Errorf("the folder holds %q", got)
	}
}

func TestLinksLeadOutOfNoStore(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		link func(r Run) string // replaced by a link to the same, elsewhere
		lost bool               // only the map output is concerned
	}{
		"the job":        {func(r Run) string { return r.job }, false},
		"the run":        {Run.dir, false},
		"the folder":     {Run.maps, false},
		"the mark":       {Run.mark, false},
		"the map output": {func(r Run) string { return filepath.Join(r.maps(), aName) }, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, _ := prepared(t)
			put(t, r, aName, 8, numbered(100))
			outside, path := filepath.Join(t.TempDir(), "outside"), filepath.Join(r.store.where, c.link(r))
			check.Must(t, os.Rename(path, outside))
			check.Must(t, os.Symlink(outside, path))
			if c.lost {
				_, err := r.Open(aName, 8)
				isLost(t, err, "not a regular file")
				check.Must(t, r.Remove(aName))
			} else {
				_, err := r.Open(anotherName, 8)
				isOfHost(t, r, err)
				_, err = r.Create(anotherName, 8)
				isOfHost(t, r, err)
			}
			r.Delete() // must not go there
			if _, err := os.Stat(outside); err != nil {
				t.Error(err)
			}
			if info, _ := os.Stat(outside); info.IsDir() && len(names(t, outside)) == 0 {
				t.Error("what is outside was emptied")
			}
		})
	}
}

func TestFault73WhatIsNoFileIsNoMapOutput(t *testing.T) {
	t.Parallel()
	for what, make := range map[string]func(path string) error{
		"a folder":           func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":             func(path string) error { return unix.Mkfifo(path, 0o600) }, // to open it would wait for a writer
		"a link to nothing":  func(path string) error { return os.Symlink("nothing", path) },
		"a link to itself":   func(path string) error { return os.Symlink(aName, path) },
		"a link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, maps := prepared(t)
			check.Must(t, make(filepath.Join(maps, aName)))
			_, err := r.Open(aName, 8)
			isLost(t, err, "not a regular file")
			if _, err := r.Create(aName, 8); err == nil {
				t.Error("it was written over")
			}
		})
	}
}

// broken is a place where reading fails, some time after opening.
type broken struct {
	backend.Backend
	after int
}

type brokenObject struct {
	backend.Object
	after *int
}

func (b *broken) Open(path string) (backend.Object, error) {
	o, err := b.Backend.Open(path)
	return brokenObject{o, &b.after}, err
}

func (o brokenObject) ReadAt(b []byte, off int64) (int, error) {
	if len(b) == nonceLen+1 { // the mark
		return o.Object.ReadAt(b, off)
	}
	if *o.after--; *o.after < 0 {
		return len(b) / 2, unix.EIO
	}
	return o.Object.ReadAt(b, off)
}

func TestFault73InputOutputErrorsAreNoLoss(t *testing.T) {
	t.Parallel()
	r, _ := prepared(t)
	put(t, r, aName, 4, numbered(100), numbered(200))
	sound := r.store.backend
	for after := range 20 {
		r.store.backend = &broken{sound, after}
		_, err := get(r, aName, 4)
		if err == nil && after >= 3+8 { // header, tail, footer, segments
			return
		}
		isOfHost(t, r, err, aName, "input/output error")
	}
	t.Error("it was never read")
}

func TestAReaderThatLeavesEarlyIsUsedAgain(t *testing.T) {
	t.Parallel()
	aReaderThatLeavesEarlyIsUsedAgain(t, prepared)
}

func aReaderThatLeavesEarlyIsUsedAgain(t *testing.T, prepared maker) {
	r, _ := prepared(t)
	words := numbered(300_000)
	put(t, r, aName, 1, words)
	out, err := r.Open(aName, 1)
	check.Must(t, err)
	defer out.Close()
	var reader Reader
	for step, err := range reader.Partition(out, 0) {
		check.Must(t, err)
		if step.Words >= len(words) {
			t.Error("all in one step")
		}
		break
	}
	table := counts{}.table()
	for step, err := range reader.Partition(out, 0) {
		check.Must(t, err)
		table.MergeStep(step)
	}
	if table.Len() != len(words) || table.Tokens() != words.tokens() {
		t.Errorf("%d words, %d tokens", table.Len(), table.Tokens())
	}
}
