package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// generation must be raised with each change after which a Spec gives other bytes.
const generation = 1

// unfinished is appended to the name of a file that isn't complete yet.
const unfinished = ".unfinished"

var (
	// ErrFolder reports that a folder holds anything but the corpus that was asked for.
	ErrFolder = errors.New("corpus")
	// ErrSpace reports that a corpus doesn't fit on the disk.
	ErrSpace = errors.New("corpus")
)

// prepare makes the folder ready for the spec, and returns the files to write.
func prepare(dir string, spec Spec) (missing []int, err error) {
	record, err := json.Marshal(struct {
		Generation int `json:"generation"`
		Spec
	}{generation, spec})
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	record = append(record, '\n')
	recordPath := dir + ".spec.json"

	content, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	found, err := os.ReadFile(recordPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	known := bytes.Equal(found, record)
	switch {
	case known:
	case len(content) > 0 && len(found) > 0:
		return nil, fmt.Errorf("%w: %s holds another corpus, that of %s: remove it, or name another folder", ErrFolder, dir, recordPath)
	case len(content) > 0:
		return nil, fmt.Errorf("%w: %s isn't empty: name another folder", ErrFolder, dir)
	}

	missing, err = inspect(dir, spec, content)
	if err == nil {
		err = fits(dir, spec.bytes(missing))
	}
	if known || err != nil {
		return missing, err
	}
	// The record is written first. It says which corpus the following files belong to.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	if err := os.WriteFile(recordPath+unfinished, record, 0o644); err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	if err := os.Rename(recordPath+unfinished, recordPath); err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	return missing, nil
}

// inspect returns the files that a folder lacks. Names and sizes are enough to check, because only
// complete files have these names.
func inspect(dir string, spec Spec, content []fs.DirEntry) (missing []int, err error) {
	found := make(map[string]fs.DirEntry, len(content))
	for _, entry := range content {
		found[entry.Name()] = entry
	}
	for i := range spec.Files {
		name := spec.name(i)
		if entry, ok := found[name]; ok {
			info, err := entry.Info()
			if err != nil {
				return nil, fmt.Errorf("corpus: %w", err)
			}
			if !info.Mode().IsRegular() || info.Size() != spec.size(i) {
				return nil, fmt.Errorf("%w: %s isn't what was written there: remove it to have it written again", ErrFolder, filepath.Join(dir, name))
			}
		} else {
			missing = append(missing, i)
		}
		delete(found, name)
		delete(found, name+unfinished) // from an interrupted call; this call overwrites it
	}
	for name := range found {
		return nil, fmt.Errorf("%w: %s doesn't belong to the corpus there: move it away", ErrFolder, filepath.Join(dir, name))
	}
	return missing, nil
}
