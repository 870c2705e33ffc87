package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

const lockFile = "lock"

// WriteFile replaces path in one step by a file that only its owner can read. The mode of an
// older file doesn't matter, because it may be somebody else's choice.
func WriteFile(path string, content []byte) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// List returns the paths of the files in dir whose names match, and none if there is no dir.
// filepath.Glob would read the folder's own name as a pattern, too.
func List(dir, pattern string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// Lock takes the lock of a folder. It is held until unlock is called or the process ends.
// It polls because flock can't be interrupted by a context.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	for {
		unlock, err := TryLock(dir)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return unlock, err
		}
		if err := Sleep(ctx, PollEvery); err != nil {
			return nil, fmt.Errorf("redisd: waiting for another process that starts or stops the server: %w", err)
		}
	}
}

// TryLock fails with EWOULDBLOCK if somebody else holds the lock.
func TryLock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() {
				// A child process has the open file, too, from its fork until it runs its program.
				syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
				f.Close()
			}, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
	}
}
