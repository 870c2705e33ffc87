package redisd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// CheckFolder refuses a state folder that somebody else may have prepared, or
// could change while we work in it. Each folder in it must belong to this user,
// and nobody else may write to it. It must hold folders, files and sockets
// only: a link would lead what we write out of the folder, and a FIFO would
// block the process that opens it. A folder that isn't there yet is fine. The error is
// ErrFolder.
func CheckFolder(dir string) error {
	return checkTree(dir, func(path string, d fs.DirEntry) error {
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
		// Checkpoints are kept by links to them. Nothing else has two names.
		if links(info) > 1 && !strings.Contains(filepath.Base(path), ".rdb") {
			return fmt.Errorf("%w: %q is also a file elsewhere: remove it", ErrFolder, path)
		}
		return nil
	})
}

// checkTree checks each folder in dir, and each other thing with check.
func checkTree(dir string, check func(path string, d fs.DirEntry) error) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = private(path, writable)
		} else if err == nil {
			err = check(path, d)
		}
		if errors.Is(err, fs.ErrNotExist) { // files come and go while others work
			return nil
		}
		return err
	})
}

// What others must not be able to do with a folder.
const (
	writable   fs.FileMode = 0o022
	accessible fs.FileMode = 0o077
)

// private checks that path is a folder of this user, and no link to one, and
// that others have none of the rights in forbidden.
func private(path string, forbidden fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%w: %q is no folder: remove it", ErrFolder, path)
	case owner(info) != os.Geteuid():
		return fmt.Errorf("%w: %q belongs to user %d, and you are user %d: remove it, or work as that user", ErrFolder, path, owner(info), os.Geteuid())
	case info.Mode().Perm()&forbidden != 0:
		return fmt.Errorf("%w: %q is open to others: remove it, or, if you trust what is in it, take their rights with chmod -R go=", ErrFolder, path)
	}
	return nil
}

func owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

func links(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }
