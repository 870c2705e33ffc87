package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrFolder says that somebody else may have prepared or changed a state folder. Nothing in such a
// folder is used.
var ErrFolder = errors.New("redisd: this state folder can't be trusted")

// CheckFolder refuses a state folder that somebody else may have prepared, or could change while
// it is in use. Each folder in it must belong to this user, and nobody else may write to it. It
// must hold folders, files and sockets only: a link would lead writes out of the folder, and a
// FIFO would block the process that opens it. A folder that doesn't exist yet passes. The error
// is ErrFolder.
func CheckFolder(dir string) error {
	return CheckTree(dir, func(path string, d fs.DirEntry) error {
		if d.Type()&fs.ModeSocket != 0 {
			return nil
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%w: %q is neither a file nor a folder: remove it", ErrFolder, path)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		// Checkpoints are kept as hard links. Nothing else has two names.
		if links(info) > 1 && !strings.Contains(filepath.Base(path), ".rdb") {
			return fmt.Errorf("%w: %q is also a file elsewhere: remove it", ErrFolder, path)
		}
		return nil
	})
}

// CheckTree checks the owner and mode of each folder in dir, and calls check for everything else.
func CheckTree(dir string, check func(path string, d fs.DirEntry) error) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = Private(path, Writable)
		} else if err == nil {
			err = check(path, d)
		}
		if errors.Is(err, fs.ErrNotExist) { // other processes of this user add and remove files
			return nil
		}
		return err
	})
}

// Rights that other users must not have.
const (
	Writable   fs.FileMode = 0o022
	Accessible fs.FileMode = 0o077
)

// Private checks that path is a folder of this user, not a link to one, and that others have none
// of the forbidden rights. The error is ErrFolder, or fs.ErrNotExist.
func Private(path string, forbidden fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%w: %q is no folder: remove it", ErrFolder, path)
	case owner(info) != os.Geteuid():
		return fmt.Errorf("%w: %q belongs to user %d, and you are user %d: remove it, or work as that user",
			ErrFolder, path, owner(info), os.Geteuid())
	case info.Mode().Perm()&forbidden != 0:
		return fmt.Errorf("%w: %q is open to others: remove it, or, if you trust what is in it, "+
			"take their rights with chmod -R go=", ErrFolder, path)
	}
	return nil
}

// Exclusive reports whether a file is this user's and nobody else may write to it.
func Exclusive(info fs.FileInfo) bool {
	return owner(info) == os.Geteuid() && info.Mode().Perm()&Writable == 0
}

func owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

func links(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }
