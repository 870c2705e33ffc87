package place

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

const aJob = "0123456789abcdef"

// room is the place of the map outputs of a job, as one folder keeps it.
type room struct {
	Keeper
	t      *testing.T
	warned int
}

func newRoom(t *testing.T) *room {
	p := &room{t: t, Keeper: Keeper{
		Job: protocol.Job{ID: aJob, Reducers: 2}, Folder: state.Folder{Dir: t.TempDir()}, Store: Store{Dir: filepath.Join(t.TempDir(), "store")},
	}}
	p.Events = func(e event.Event) { p.warned++ }
	return p
}

// marked reports whether a run's mark is in the store.
func (p *room) marked(run string) bool {
	p.t.Helper()
	_, err := os.Stat(filepath.Join(p.Store.Dir, aJob, run, "mark"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Error(err)
	}
	return err == nil
}

func TestARunHasItsPlaceBeforeItBegins(t *testing.T) {
	t.Parallel()
	p, run := newRoom(t), protocol.NewNonce()
	check.Must(t, p.Prepare(t.Context(), run))
	check.Must(t, p.Prepare(t.Context(), run))
	if !p.marked(run) {
		t.Error("there is no mark")
	}
	if s, ok, err := p.Folder.Store(aJob, run); !ok || err != nil || s != (state.Store{Run: run, Dir: p.Store.Dir, Own: true}) {
		t.Errorf("the folder knows %+v, %v", s, err)
	}
	p.Job.Reducers = 0
	other := protocol.NewNonce()
	check.Must(t, p.Prepare(t.Context(), other))
	if p.marked(other) || p.Dir() != "-" {
		t.Error("a job without reducers has a place")
	}
}

func TestAPlaceThatCannotBeMadeIsSaid(t *testing.T) {
	t.Parallel()
	p := newRoom(t)
	p.Store.Dir = filepath.Join(p.Store.Dir, "not", "there")
	check.IsError(t, p.Prepare(t.Context(), protocol.NewNonce()), protocol.ErrIncomplete, p.Store.Dir, "mend that")
}

func TestAFolderRestoresTheMarkOfItsOwnRunAlone(t *testing.T) {
	t.Parallel()
	p, run := newRoom(t), protocol.NewNonce()
	check.Must(t, p.Prepare(t.Context(), run))
	lose := func() { check.Must(t, os.RemoveAll(p.Store.Dir)) }
	lose()
	p.Restore(t.Context(), run)
	if !p.marked(run) || p.warned != 1 {
		t.Errorf("the mark was not restored, or %d times told", p.warned)
	}
	check.Must(t, p.Folder.SetStore(aJob, state.Store{Run: run, Dir: p.Store.Dir}))
	lose()
	p.looked = time.Time{}
	p.Restore(t.Context(), run)
	check.Must(t, p.Prepare(t.Context(), run))
	if p.marked(run) {
		t.Error("the mark of an adopted run was restored: this host may have another file system there")
	}
}

func TestAFolderThatCannotRestoreAMarkSaysSoOnce(t *testing.T) {
	t.Parallel()
	p, run := newRoom(t), protocol.NewNonce()
	check.Must(t, p.Prepare(t.Context(), run))
	check.Must(t, os.RemoveAll(p.Store.Dir))
	check.Must(t, os.WriteFile(p.Store.Dir, nil, 0o600)) // no folder
	for range 2 {
		p.looked = time.Time{}
		p.Restore(t.Context(), run)
	}
	if p.warned != 1 {
		t.Errorf("%d times told", p.warned)
	}
	check.Must(t, os.Remove(p.Store.Dir))
	p.looked = time.Time{}
	p.Restore(t.Context(), run)
	if !p.marked(run) || p.warned != 2 {
		t.Errorf("the mark was not restored, or %d times told", p.warned)
	}
}

func TestEarlierRunsAreDeletedAndSealedOnes(t *testing.T) {
	t.Parallel()
	p, earlier, adopted, run := newRoom(t), protocol.NewNonce(), protocol.NewNonce(), protocol.NewNonce()
	for _, r := range []string{earlier, adopted, run} {
		check.Must(t, p.Prepare(t.Context(), r))
	}
	check.Must(t, p.Folder.SetStore(aJob, state.Store{Run: adopted, Dir: p.Store.Dir}))
	p.Sweep(t.Context(), run)
	if p.marked(earlier) || !p.marked(adopted) || !p.marked(run) {
		t.Error("the wrong runs were deleted")
	}
	p.Discard(t.Context(), adopted)
	p.Discard(t.Context(), run)
	if !p.marked(adopted) || p.marked(run) || p.warned != 0 {
		t.Error("the wrong run was discarded")
	}
	if all, err := p.Folder.Stores(aJob); err != nil || len(all) != 0 {
		t.Errorf("the folder knows %+v, %v", all, err)
	}
}

func TestCleanDeletesWhatTheFolderMade(t *testing.T) {
	t.Parallel()
	p, run := newRoom(t), protocol.NewNonce()
	check.Must(t, Delete(t.Context(), p.Folder, aJob))
	check.Must(t, p.Prepare(t.Context(), run))
	check.Must(t, Delete(t.Context(), p.Folder, aJob))
	if p.marked(run) {
		t.Error("it is still there")
	}
	check.Must(t, p.Prepare(t.Context(), run))
	check.Must(t, os.RemoveAll(p.Store.Dir))
	check.Must(t, Delete(t.Context(), p.Folder, aJob)) // whose store is gone
}

func TestFault62TheStoreThatAJobNamesIsComparedAndNotObeyed(t *testing.T) {
	t.Parallel()
	theirs, mine, run := newRoom(t), newRoom(t), protocol.NewNonce()
	check.Must(t, theirs.Prepare(t.Context(), run))
	refused := func(what string, here Store, named string, cause error) {
		t.Helper()
		dir, err := Find(t.Context(), here, named, aJob, run, shuffle.Run.CheckMark)
		check.IsError(t, err, protocol.ErrInput, aJob)
		if !errors.Is(err, cause) {
			t.Errorf("%s: %q, %v", what, dir, err)
		}
	}
	for _, here := range []Store{mine.Store, theirs.Store, {Dir: theirs.Store.Dir, Chosen: true}} {
		named := theirs.Store.Dir
		if here.Dir == named {
			named = "/mounted/elsewhere" // which isn't looked at, because the run is here
		}
		if dir, err := Find(t.Context(), here, named, aJob, run, shuffle.Run.CheckMark); err != nil || dir != theirs.Store.Dir {
			t.Errorf("%+v: %q, %v", here, dir, err)
		}
	}
	refused("people chose another", Store{Dir: mine.Store.Dir, Chosen: true}, theirs.Store.Dir, shuffle.ErrNoStore)
	refused("it is no path", mine.Store, "relative", shuffle.ErrNoStore)
	check.Must(t, os.Chmod(theirs.Store.Dir, 0o777))
	refused("others may write", mine.Store, theirs.Store.Dir, shuffle.ErrForeign)
	check.Must(t, os.Chmod(theirs.Store.Dir, 0o700))
	check.Must(t, os.Remove(filepath.Join(theirs.Store.Dir, aJob, run, "mark")))
	refused("without the mark", mine.Store, theirs.Store.Dir, shuffle.ErrNoMark)
}
