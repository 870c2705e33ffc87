package shuffle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/syserr"
)

// A Store holds the map outputs of jobs. It is safe for concurrent use.
type Store struct {
	place Place
	where string // for people
	close func() error
}

// Where returns the one way to write where a store is: an absolute path, or s3://bucket/prefix without a
// slash at the end.
func Where(text string) (string, error) {
	if !InS3(text) {
		return filepath.Abs(text)
	}
	u, err := parseBucket(text)
	return strings.TrimRight(u.String(), "/"), err
}

// requestRoom is what requests take besides a part of an object, in bytes: what is read together, what
// the SDK and HTTP hold, and garbage of theirs.
const requestRoom = 4 << 20

// Room returns how many bytes of a worker's memory a store takes. A folder takes none beyond what any
// file does.
func Room(where string) int {
	if InS3(where) {
		return s3.Part + requestRoom
	}
	return 0
}

// Open opens the store in a folder, or that of s3://bucket/prefix, whose requests end with ctx. The error
// is the host's. Nothing is asked of S3 yet.
func Open(ctx context.Context, where string) (*Store, error) {
	s, err := open(ctx, where)
	if err == nil && Behind != nil {
		s.place = Behind(where, s.place)
	}
	return s, err
}

func open(ctx context.Context, where string) (*Store, error) {
	if InS3(where) {
		u, err := parseBucket(where)
		if err != nil {
			return nil, cannotOpen(where, err)
		}
		ctx, cancel := context.WithCancel(ctx)
		return &Store{place: bucket{ctx, u}, where: where, close: func() error { cancel(); return nil }}, nil
	}
	root, err := os.OpenRoot(where)
	if err != nil {
		return nil, cannotOpen(where, err)
	}
	return &Store{place: folder{root}, where: where, close: root.Close}, nil
}

// Make is Open, and makes the folder first if it isn't there. The folder above it must be there,
// because a whole missing path is rather a file system that isn't mounted. Only a supervisor makes
// stores.
func Make(ctx context.Context, where string) (*Store, error) {
	if !InS3(where) {
		if err := os.Mkdir(where, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, cannotOpen(where, err)
		}
	}
	return Open(ctx, where)
}

func cannotOpen(where string, err error) error {
	if err = syserr.WithoutPath(err); errors.Is(err, fs.ErrNotExist) {
		err = ErrNoStore
	}
	return fmt.Errorf("shuffle: %w %s: %w", ErrHost, strconv.Quote(where), err)
}

// Close closes the store.
func (s *Store) Close() error { return s.close() }
