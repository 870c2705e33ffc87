package shuffle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/magereduce/magereduce/pkg/syserr"
)

// A Store holds the map outputs of jobs. It is safe for concurrent use.
type Store struct {
	place Place
	where string // for people
	close func() error
}

// Open opens the store in a folder. The error is the host's.
func Open(dir string) (*Store, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, cannotOpen(dir, err)
	}
	s := &Store{place: folder{root}, where: dir, close: root.Close}
	if Behind != nil {
		s.place = Behind(dir, s.place)
	}
	return s, nil
}

// Make is Open, and makes the folder first if it isn't there. The folder above it must be there,
// because a whole missing path is rather a file system that isn't mounted. Only a supervisor makes
// stores.
func Make(dir string) (*Store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, cannotOpen(dir, err)
	}
	return Open(dir)
}

func cannotOpen(dir string, err error) error {
	if err = syserr.WithoutPath(err); errors.Is(err, fs.ErrNotExist) {
		err = ErrNoStore
	}
	return fmt.Errorf("shuffle: %w %s: %w", ErrHost, strconv.Quote(dir), err)
}

// Close closes the store.
func (s *Store) Close() error { return s.close() }
