package corpus

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// fits returns an error that wraps ErrSpace if the disk of a folder, which need not exist yet, has
// no room for so many bytes.
func fits(dir string, size int64) error {
	var disk unix.Statfs_t
	err := unix.Statfs(dir, &disk)
	if above := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && above != dir {
		return fits(above, size)
	}
	if err != nil {
		return fmt.Errorf("corpus: look for space on the disk: %w", &fs.PathError{Op: "statfs", Path: dir, Err: err})
	}
	// A file system that can't tell its size says that it has no blocks at all.
	if free := uint64(disk.Bavail) * uint64(disk.Bsize); disk.Blocks > 0 && uint64(size) > free {
		return fmt.Errorf("%w: %s don't fit on the disk of %s, which has %s left", ErrSpace, humanize.IBytes(uint64(size)), dir, humanize.IBytes(free))
	}
	return nil
}
