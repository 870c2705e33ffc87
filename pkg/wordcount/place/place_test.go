package supervisor

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

// place is the place of the map outputs of a job, as one folder keeps it.
type place struct {
	outputs
	t      *testing.T
	warned int
}

func newPlace(t *testing.T) *place {
	p := &place{t: t, outputs: outputs{
		job: protocol.Job{ID: aJob, Reducers: 2}, folder: state.Folder{Dir: t.TempDir()}, store: Store{Dir: filepath.Join(t.TempDir(), "store")},
	}}
	p.events = func(e event.Event) { p.warned++ }
	return p
}

// marked reports whether a run's mark is in the store.
func (p *place) marked(run string) bool {
	p.t.Helper()
	_, err := os.Stat(filepath.Join(p.store.Dir, aJob, run, "mark"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Error(err)
	}
	return err == nil
}

func TestARunHasItsPlaceBeforeItBegins(t *testing.T) {
	t.Parallel()
	p, run := newPlace(t), protocol.NewNonce()
	check.Must(t, p.prepare(run))
	check.Must(t, p.prepare(run))
	if !p.marked(run) {
		t.Error("there is no mark")
	}
	if s, ok, err := p.folder.Store(aJob, run); !ok || err != nil || s != (state.Store{Run: run, Dir: p.store.Dir, Own: true}) {
		t.Errorf("the folder knows %+v, %v", s, err)
	}
	p.job.Reducers = 0
	other := protocol.NewNonce()
	check.Must(t, p.prepare(other))
	if p.marked(other) || p.dir() != "-" {
		t.Error("a job without reducers has a place")
	}
}

func TestAPlaceThatCannotBeMadeIsSaid(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.store.Dir = filepath.Join(p.store.Dir, "not", "there")
	check.IsError(t, p.prepare(protocol.NewNonce()), protocol.ErrIncomplete, p.store.Dir, "mend that")
}

func TestAFolderRestoresTheMarkOfItsOwnRunAlone(t *testing.T) {
	t.Parallel()
	p, run := newPlace(t), protocol.NewNonce()
	check.Must(t, p.prepare(run))
	lose := func() { check.Must(t, os.RemoveAll(p.store.Dir)) }
	lose()
	p.restore(run)
	if !p.marked(run) || p.warned != 1 {
		t.Errorf("the mark was not restored, or %d times told", p.warned)
	}
	check.Must(t, p.folder.SetStore(aJob, state.Store{Run: run, Dir: p.store.Dir}))
	lose()
	p.looked = time.Time{}
	p.restore(run)
	check.Must(t, p.prepare(run))
	if p.marked(run) {
		t.Error("the mark of an adopted run was restored: this host may have another file system there")
	}
}

func TestAFolderThatCannotRestoreAMarkSaysSoOnce(t *testing.T) {
	t.Parallel()
	p, run := newPlace(t), protocol.NewNonce()
	check.Must(t, p.prepare(run))
	check.Must(t, os.RemoveAll(p.store.Dir))
	check.Must(t, os.WriteFile(p.store.Dir, nil, 0o600)) // no folder
	for range 2 {
		p.looked = time.Time{}
		p.restore(run)
	}
	if p.warned != 1 {
		t.Errorf("%d times told", p.warned)
	}
	check.Must(t, os.Remove(p.store.Dir))
	p.looked = time.Time{}
	p.restore(run)
	if !p.marked(run) || p.warned != 2 {
		t.Errorf("the mark was not restored, or %d times told", p.warned)
	}
}

func TestEarlierRunsAreDeletedAndSealedOnes(t *testing.T) {
	t.Parallel()
	p, earlier, adopted, run := newPlace(t), protocol.NewNonce(), protocol.NewNonce(), protocol.NewNonce()
	for _, r := range []string{earlier, adopted, run} {
		check.Must(t, p.prepare(r))
	}
	check.Must(t, p.folder.SetStore(aJob, state.Store{Run: adopted, Dir: p.store.Dir}))
	p.sweep(run)
	if p.marked(earlier) || !p.marked(adopted) || !p.marked(run) {
		t.Error("the wrong runs were deleted")
	}
	p.discard(adopted)
	p.discard(run)
	if !p.marked(adopted) || p.marked(run) || p.warned != 0 {
		t.Error("the wrong run was discarded")
	}
	if all, err := p.folder.Stores(aJob); err != nil || len(all) != 0 {
		t.Errorf("the folder knows %+v, %v", all, err)
	}
}

func TestCleanDeletesWhatTheFolderMade(t *testing.T) {
	t.Parallel()
	p, run := newPlace(t), protocol.NewNonce()
	check.Must(t, DeleteOutputs(p.folder, aJob))
	check.Must(t, p.prepare(run))
	check.Must(t, DeleteOutputs(p.folder, aJob))
	if p.marked(run) {
		t.Error("it is still there")
	}
	check.Must(t, p.prepare(run))
	check.Must(t, os.RemoveAll(p.store.Dir))
	check.Must(t, DeleteOutputs(p.folder, aJob)) // whose store is gone
}

func TestFault62TheStoreThatAJobNamesIsComparedAndNotObeyed(t *testing.T) {
	t.Parallel()
	theirs, mine, run := newPlace(t), newPlace(t), protocol.NewNonce()
	check.Must(t, theirs.prepare(run))
	refused := func(what string, here Store, named string, cause error) {
		t.Helper()
		dir, err := FindStore(here, named, aJob, run, shuffle.Run.CheckMark)
		check.IsError(t, err, protocol.ErrInput, aJob)
		if !errors.Is(err, cause) {
			t.Errorf("%s: %q, %v", what, dir, err)
		}
	}
	for _, here := range []Store{mine.store, theirs.store, {Dir: theirs.store.Dir, Chosen: true}} {
		named := theirs.store.Dir
		if here.Dir == named {
			named = "/mounted/elsewhere" // which isn't looked at, because the run is here
		}
		if dir, err := FindStore(here, named, aJob, run, shuffle.Run.CheckMark); err != nil || dir != theirs.store.Dir {
			t.Errorf("%+v: %q, %v", here, dir, err)
		}
	}
	refused("people chose another", Store{Dir: mine.store.Dir, Chosen: true}, theirs.store.Dir, shuffle.ErrNoStore)
	refused("it is no path", mine.store, "relative", shuffle.ErrNoStore)
	check.Must(t, os.Chmod(theirs.store.Dir, 0o777))
	refused("others may write", mine.store, theirs.store.Dir, shuffle.ErrForeign)
	check.Must(t, os.Chmod(theirs.store.Dir, 0o700))
	check.Must(t, os.Remove(filepath.Join(theirs.store.Dir, aJob, run, "mark")))
	refused("without the mark", mine.store, theirs.store.Dir, shuffle.ErrNoMark)
}
