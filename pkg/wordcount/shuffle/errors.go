package shuffle

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/magereduce/magereduce/pkg/syserr"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

var (
	// ErrLost is the class of a map output that is not there, or is damaged, swapped, or of another
	// version. Its tasks must be counted anew. The message is the same on every host.
	ErrLost = errors.New("map output is lost")

	// ErrLostResult is the class of a result file that is not there, or is damaged, swapped, or of
	// another version.
	ErrLostResult = errors.New("result file is lost")

	// ErrHost is the class of what keeps this host from using the store: no mark, no space, no
	// permission, a missing folder, input and output errors. Nothing is lost by it.
	ErrHost = errors.New("can't use the shuffle store")

	// ErrNoStore is the host's error of a store whose folder is not there.
	ErrNoStore = fmt.Errorf("its folder is not there: %w", fs.ErrNotExist)

	// ErrNoMark is the host's error of a run whose mark is not there. The run was deleted, or
	// another file system is mounted in the place of the store, or none.
	ErrNoMark = errors.New("no mark of the run")
)

// lost is what is wrong with a file of a store.
type lost = backend.Lost

// lostError is of the class ErrLost.
func lostError(path string, what lost) error {
	return fmt.Errorf("shuffle: %w: %s: %s", ErrLost, path, string(what))
}

// hostError is of the class ErrHost. It names the store, as this host does, and a path in it.
func hostError(store, path string, err error) error {
	return fmt.Errorf("shuffle: %w %s: %s: %w", ErrHost, strconv.Quote(store), path, syserr.WithoutPath(err))
}
