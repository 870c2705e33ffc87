package supervisor

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// Store is where this folder keeps the map outputs of a job with reducers.
type Store struct {
	Dir    string // absolute
	Chosen bool   // people chose it, and it isn't the default
}

// markEvery is the time between two looks at the mark of a run.
const markEvery = time.Second

// outputs is the place of a job's map outputs. It makes the place of each run that this folder
// starts, restores its mark, and deletes it. The place of a run that this folder adopted belongs to
// the folder that started it.
//
// The seeder's lock guards the methods, but restore, which the watch calls.
type outputs struct {
	job    protocol.Job
	folder state.Folder
	store  Store
	events event.Receiver

	looked time.Time // at the mark
	absent bool      // the last look failed
}

// none reports whether the job has no map outputs.
func (o *outputs) none() bool { return o.job.Reducers == 0 }

// dir is what the job in Redis says of the place.
func (o *outputs) dir() string {
	if o.none() {
		return "-"
	}
	return o.store.Dir
}

// prepare makes the place of a run, before workers can know of the run, unless the run is adopted.
func (o *outputs) prepare(run string) error {
	if o.none() {
		return nil
	}
	s, known, err := o.folder.Store(o.job.ID, run)
	if err != nil || known && !s.Own {
		return err
	}
	if !known {
		s = state.Store{Run: run, Dir: o.store.Dir, Own: true}
		if err := o.folder.SetStore(o.job.ID, s); err != nil {
			return err
		}
	}
	return o.with(s, shuffle.Make, o.makeRoom)
}

// makeRoom makes the folders and the mark of a run.
func (o *outputs) makeRoom(r shuffle.Run) error {
	if o.job.Keep > 0 {
		if err := r.PrepareResults(); err != nil {
			return err
		}
	}
	return r.Prepare()
}

// adopt finds the place of a run that another folder started. theirs is what that folder said. When
// the job is done, its map outputs and its mark may be gone, but not its result files.
func (o *outputs) adopt(run, theirs string, phase protocol.Phase) error {
	look := shuffle.Run.CheckMark
	switch {
	case o.none(), phase == protocol.Done && o.job.Keep == 0:
		return nil
	case phase == protocol.Done:
		look = shuffle.Run.CheckResults
	}
	dir, err := FindStore(o.store, theirs, o.job.ID, run, look)
	if err != nil {
		return err
	}
	return o.folder.SetStore(o.job.ID, state.Store{Run: run, Dir: dir})
}

// FindStore finds the place of a run's map outputs on this host: the store that people chose here, or
// the one that the job in Redis names. Anybody may have written that name, so it only counts if the
// folder belongs to this user, no other user may write to it, and look finds the run there: by its
// mark. Otherwise the error wraps protocol.ErrInput.
func FindStore(here Store, theirs, job, run string, look func(shuffle.Run) error) (dir string, err error) {
	marked := func(dir string) error {
		store, err := shuffle.Open(dir)
		if err != nil {
			return err
		}
		defer store.Close()
		r, err := store.Run(job, run)
		if err == nil {
			err = look(r)
		}
		return err
	}
	if here.Dir != "" {
		if err = marked(here.Dir); err == nil {
			return here.Dir, nil
		}
	}
	if !here.Chosen && filepath.IsAbs(theirs) {
		if err = shuffle.CheckOwner(theirs); err == nil {
			err = marked(theirs)
		}
		if err == nil {
			return theirs, nil
		}
	}
	return "", fmt.Errorf("%w: this host can't use the map outputs of job %s, which are in %s: %w", protocol.ErrInput, job, strconv.Quote(theirs), err)
}

// with opens the store of a run, and does something there. The error of a store that can't be used wraps
// protocol.ErrIncomplete, because the job in Redis stays as it is.
func (o *outputs) with(s state.Store, open func(string) (*shuffle.Store, error), do func(shuffle.Run) error) error {
	err := o.in(s, open, do)
	if errors.Is(err, shuffle.ErrHost) || errors.Is(err, shuffle.ErrName) {
		return fmt.Errorf("%w: %w: mend that, then try again", protocol.ErrIncomplete, err)
	}
	return err
}

func (o *outputs) in(s state.Store, open func(string) (*shuffle.Store, error), do func(shuffle.Run) error) error {
	store, err := open(s.Dir)
	if err != nil {
		return err
	}
	defer store.Close()
	r, err := store.Run(o.job.ID, s.Run)
	if err != nil {
		return err
	}
	return do(r)
}

// restore makes the mark again if it is gone from the place of a run of this folder. If this host
// can't use the store, restore says so once. The job may go on: the supervisor needs no store, and
// workers of other hosts may have it.
func (o *outputs) restore(run string) {
	if o.none() || time.Since(o.looked) < markEvery {
		return
	}
	o.looked = time.Now()
	s, _, err := o.folder.Store(o.job.ID, run)
	if err == nil && s.Own {
		err = o.in(s, shuffle.Make, func(r shuffle.Run) error {
			err := r.CheckMark()
			if errors.Is(err, shuffle.ErrNoMark) {
				o.events.Warn("the mark of the map outputs was gone from %q, and was made again", s.Dir)
				return o.makeRoom(r)
			}
			return err
		})
	}
	if err != nil && !o.absent {
		o.events.Warn("%v", err)
	}
	o.absent = err != nil
}

// sweep deletes what earlier runs of this folder have left. What can't be deleted stays on the list.
func (o *outputs) sweep(run string) {
	stores, err := o.folder.Stores(o.job.ID)
	for _, s := range stores {
		if s.Run != run {
			err = cmp.Or(err, o.delete(s, shuffle.Run.Delete))
		}
	}
	if err != nil {
		o.events.Warn("map outputs of earlier runs are left: %v", err)
	}
}

// discard deletes the map outputs of a run that is sealed. Its result files stay.
func (o *outputs) discard(run string) {
	s, _, err := o.folder.Store(o.job.ID, run)
	switch {
	case err != nil || !s.Own:
	case o.job.Keep > 0:
		err = o.with(s, shuffle.Open, shuffle.Run.DiscardMaps)
	default:
		err = o.delete(s, shuffle.Run.DiscardMaps)
	}
	if err != nil {
		o.events.Warn("map outputs are left: %v", err)
	}
}

func (o *outputs) delete(s state.Store, how func(shuffle.Run) error) error {
	if s.Own {
		if err := o.with(s, shuffle.Open, how); err != nil && !errors.Is(err, shuffle.ErrNoStore) {
			return err
		}
	}
	return o.folder.DropStore(o.job.ID, s.Run)
}

// DeleteOutputs deletes all map outputs that a folder has of a job.
func DeleteOutputs(folder state.Folder, job string) error {
	o := outputs{job: protocol.Job{ID: job}, folder: folder}
	stores, err := folder.Stores(job)
	for _, s := range stores {
		err = cmp.Or(err, o.delete(s, shuffle.Run.Delete))
	}
	return err
}
