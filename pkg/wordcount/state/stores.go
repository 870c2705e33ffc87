package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Store says where a run has its map outputs.
type Store struct {
	Run string `json:"run"`
	Dir string `json:"dir"` // as backend.Where writes it
	// Own says that this folder made the run's mark. Only then may it restore and delete it.
	Own bool `json:"own"`
}

// Shuffle is the folder of the map outputs, unless people choose another.
func (f Folder) Shuffle() string { return filepath.Join(f.Dir, "shuffle") }

// Stores lists the runs of a job whose map outputs may be somewhere. Nothing is deleted in any
// other folder than these.
func (f Folder) Stores(job string) (stores []Store, err error) {
	text, err := os.ReadFile(f.path(job, "stores"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &stores)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: where the map outputs of job %s are: %w", protocol.ErrState, job, err)
	}
	return stores, nil
}

// Store returns where a run has its map outputs. ok is false if this folder doesn't know.
func (f Folder) Store(job, run string) (s Store, ok bool, err error) {
	stores, err := f.Stores(job)
	if i := slices.IndexFunc(stores, func(s Store) bool { return s.Run == run }); i >= 0 {
		return stores[i], true, err
	}
	return s, false, err
}

// SetStore records where a run has its map outputs.
func (f Folder) SetStore(job string, s Store) error {
	stores, err := f.Stores(job)
	if err != nil || slices.Contains(stores, s) {
		return err
	}
	return f.setStores(job, append(without(stores, s.Run), s))
}

// DropStore records that nothing is left of a run's map outputs.
func (f Folder) DropStore(job, run string) error {
	stores, err := f.Stores(job)
	if left := without(stores, run); err == nil && len(left) < len(stores) {
		return f.setStores(job, left)
	}
	return err
}

func without(stores []Store, run string) []Store {
	return slices.DeleteFunc(slices.Clone(stores), func(s Store) bool { return s.Run == run })
}

func (f Folder) setStores(job string, stores []Store) error {
	text, err := json.Marshal(stores)
	if err != nil {
		return err
	}
	return write(f.path(job, "stores"), append(text, '\n'))
}
