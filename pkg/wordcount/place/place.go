package place

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// Store is where this folder keeps the map outputs of a job with reducers.
type Store struct {
	Dir    string // as backend.Where writes it
	Chosen bool   // people chose it, and it isn't the default
}

const (
	// markEvery is the time between two looks at the mark of a run.
	markEvery = time.Second
	// markWithin is how long such a look may take, because nobody watches the job meanwhile.
	markWithin = 5 * time.Second
)

// ErrElsewhere reports a run whose place this host doesn't find.
var ErrElsewhere = errors.New("this host can't use the map outputs")

// Keeper keeps the place of a job's map outputs. It makes the place of each run that this folder
// starts, restores its mark, and deletes it. The place of a run that this folder adopted belongs to
// the folder that started it.
//
// One goroutine at a time may call Restore, and one at a time the other methods: only Restore uses the
// fields that change.
type Keeper struct {
	Job    protocol.Job
	Folder state.Folder
	Store  Store
	Events event.Receiver

	looked time.Time // at the mark
	absent bool      // the last look failed
}

// None reports whether the job has no map outputs.
func (k *Keeper) None() bool { return k.Job.Reducers == 0 }

// Dir is what the job in Redis says of the place.
func (k *Keeper) Dir() string {
	if k.None() {
		return "-"
	}
	return k.Store.Dir
}

// Prepare makes the place of a run, before workers can know of the run, unless the run is adopted.
func (k *Keeper) Prepare(ctx context.Context, run string) error {
	if k.None() {
		return nil
	}
	s, known, err := k.Folder.Store(k.Job.ID, run)
	if err != nil || known && !s.Own {
		return err
	}
	if !known {
		s = state.Store{Run: run, Dir: k.Store.Dir, Own: true}
		if err := k.Folder.SetStore(k.Job.ID, s); err != nil {
			return err
		}
	}
	return k.With(ctx, s, shuffle.Make, func(r shuffle.Run) error {
		if err := r.Usable(); err != nil {
			return err
		}
		return k.makeRoom(r)
	})
}

// makeRoom makes the folders and the mark of a run.
func (k *Keeper) makeRoom(r shuffle.Run) error {
	if k.Job.Keep > 0 {
		if err := r.PrepareResults(); err != nil {
			return err
		}
	}
	return r.Prepare()
}

// Adopt finds the place of a run that another folder started. theirs is what that folder said. When
// the job is done, its map outputs and its mark may be gone, but not its result files.
func (k *Keeper) Adopt(ctx context.Context, run, theirs string, phase protocol.Phase) error {
	look := shuffle.Run.CheckMark
	switch {
	case k.None(), phase == protocol.Done && k.Job.Keep == 0:
		return nil
	case phase == protocol.Done:
		look = shuffle.Run.CheckResults
	}
	dir, err := Find(ctx, k.Store, theirs, k.Job.ID, run, look)
	if err != nil {
		return err
	}
	return k.Folder.SetStore(k.Job.ID, state.Store{Run: run, Dir: dir})
}

// Find finds the place of a run's map outputs on this host: the store of this folder or, unless
// people chose that one, the store that the job in Redis names. Anybody may have written that name,
// so it only counts if the folder belongs to this user, no other user may write to it, and look
// finds the run there: by its mark. Otherwise the error wraps protocol.ErrInput.
func Find(ctx context.Context, here Store, theirs, job, run string, look func(shuffle.Run) error) (dir string, err error) {
	marked := func(dir string) error {
		store, err := shuffle.Open(ctx, dir)
		if err != nil {
			return err
		}
		defer store.Close()
		r, err := store.Run(job, run)
		if err == nil {
			err = r.Usable()
		}
		if err == nil {
			err = look(r)
		}
		return err
	}
	err = shuffle.ErrNoStore // as far as is known
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
	return "", fmt.Errorf("%w: %w of job %s, which are in %s: %w", protocol.ErrInput, ErrElsewhere, job, strconv.Quote(theirs), err)
}

// With opens the store of a run, and does something there. The error of a store that can't be used wraps
// protocol.ErrIncomplete, because the job in Redis stays as it is, or protocol.ErrInput if it never could
// be used as it is given.
func (k *Keeper) With(ctx context.Context, s state.Store, open opening, do func(shuffle.Run) error) error {
	err := k.in(ctx, s, open, do)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, backend.ErrUnusable) {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	if errors.Is(err, shuffle.ErrHost) || errors.Is(err, shuffle.ErrName) {
		return fmt.Errorf("%w: %w: mend that, then try again", protocol.ErrIncomplete, err)
	}
	return err
}

// opening is shuffle.Open or shuffle.Make.
type opening func(context.Context, string) (*shuffle.Store, error)

func (k *Keeper) in(ctx context.Context, s state.Store, open opening, do func(shuffle.Run) error) error {
	store, err := open(ctx, s.Dir)
	if err != nil {
		return err
	}
	defer store.Close()
	r, err := store.Run(k.Job.ID, s.Run)
	if err != nil {
		return err
	}
	return do(r)
}

// Restore makes the mark again if it is gone from the place of a run of this folder. If this host
// can't use the store, Restore says so once. The job may go on: the supervisor needs no store, and
// workers of other hosts may have it.
func (k *Keeper) Restore(ctx context.Context, run string) {
	if k.None() || time.Since(k.looked) < markEvery {
		return
	}
	defer func() { k.looked = time.Now() }()
	ctx, cancel := context.WithTimeout(ctx, markWithin)
	defer cancel()
	s, _, err := k.Folder.Store(k.Job.ID, run)
	if err == nil && s.Own {
		err = k.in(ctx, s, shuffle.Make, func(r shuffle.Run) error {
			err := r.CheckMark()
			if errors.Is(err, shuffle.ErrNoMark) {
				k.Events.Warn("the mark of the map outputs was gone from %q, and was made again", s.Dir)
				return k.makeRoom(r)
			}
			return err
		})
	}
	if err != nil && !k.absent {
		k.Events.Warn("%v", err)
	}
	k.absent = err != nil
}

// Sweep deletes what earlier runs of this folder have left. What can't be deleted stays on the list.
func (k *Keeper) Sweep(ctx context.Context, run string) {
	stores, err := k.Folder.Stores(k.Job.ID)
	for _, s := range stores {
		if s.Run != run {
			err = cmp.Or(err, k.delete(ctx, s, shuffle.Run.Delete))
		}
	}
	if err != nil {
		k.Events.Warn("map outputs of earlier runs are left: %v", err)
	}
}

// Discard deletes the map outputs of a run that is sealed. Its result files stay.
func (k *Keeper) Discard(ctx context.Context, run string) {
	s, _, err := k.Folder.Store(k.Job.ID, run)
	switch {
	case err != nil || !s.Own:
	case k.Job.Keep > 0:
		err = k.With(ctx, s, shuffle.Open, shuffle.Run.DiscardMaps)
	default:
		err = k.delete(ctx, s, shuffle.Run.DiscardMaps)
	}
	if err != nil {
		k.Events.Warn("map outputs are left: %v", err)
	}
}

func (k *Keeper) delete(ctx context.Context, s state.Store, how func(shuffle.Run) error) error {
	if s.Own {
		if err := k.With(ctx, s, shuffle.Open, how); err != nil && !errors.Is(err, shuffle.ErrNoStore) {
			return err
		}
	}
	return k.Folder.DropStore(k.Job.ID, s.Run)
}

// Delete deletes all map outputs and result files that a folder has of a job.
func Delete(ctx context.Context, folder state.Folder, job string) error {
	k := Keeper{Job: protocol.Job{ID: job}, Folder: folder}
	stores, err := folder.Stores(job)
	for _, s := range stores {
		err = cmp.Or(err, k.delete(ctx, s, shuffle.Run.Delete))
	}
	return err
}
