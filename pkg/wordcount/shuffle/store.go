package shuffle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/magereduce/magereduce/pkg/syserr"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

// A Store holds the map outputs of jobs. It is safe for concurrent use.
type Store struct {
	backend backend.Backend
	where   string // for people
}

// Open opens the store in a folder, or that of s3://bucket/prefix, whose requests end with ctx. The error
// is the host's. Nothing is asked of S3 yet.
func Open(ctx context.Context, where string) (*Store, error) {
	b, err := backend.Open(ctx, where)
	return newStore(b, where, err)
}

// Make is Open, and makes the folder first if it isn't there. Only a supervisor makes stores.
func Make(ctx context.Context, where string) (*Store, error) {
	b, err := backend.Make(ctx, where)
	return newStore(b, where, err)
}

func newStore(b backend.Backend, where string, err error) (*Store, error) {
	if err != nil {
		return nil, cannotOpen(where, err)
	}
	return &Store{b, where}, nil
}

func cannotOpen(where string, err error) error {
	if err = syserr.WithoutPath(err); errors.Is(err, fs.ErrNotExist) {
		err = ErrNoStore
	}
	return fmt.Errorf("shuffle: %w %s: %w", ErrHost, strconv.Quote(where), err)
}

// Close closes the store.
func (s *Store) Close() error { return s.backend.Close() }
