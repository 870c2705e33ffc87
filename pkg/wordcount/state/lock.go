package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lock makes the caller the job's supervisor, if this folder has none. However the process ends,
// the lock ends with it.
func (f Folder) Lock(job string) (release func(), ok bool, err error) {
	file, ok, err := f.tryLock(job, "lock", unix.LOCK_EX)
	if !ok || err != nil {
		return nil, false, err
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	if err != nil {
		unlock(file)
		return nil, false, unwritten(f.path(job, "lock"), err)
	}
	return func() { unlock(file) }, true, nil
}

// unlock ends the lock of a file, and closes the file. Closing alone wouldn't do: a child process has
// the open file, too, from its fork until it runs its program.
func unlock(file *os.File) {
	unix.Flock(int(file.Fd()), unix.LOCK_UN)
	file.Close()
}

// tryLock opens one of a job's lock files, and locks it exclusively or shared, until unlock.
func (f Folder) tryLock(job, name string, how int) (file *os.File, ok bool, err error) {
	path := f.path(job, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, false, unwritten(path, err)
	}
	if file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, false, unwritten(path, err)
	}
	switch err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		file.Close()
		return nil, false, nil
	case err != nil:
		file.Close()
		return nil, false, fmt.Errorf("lock job: %w", err)
	}
	return file, true, nil
}

// Supervised reports whether a supervisor works on the job in this folder.
func (f Folder) Supervised(job string) bool {
	file, free, err := f.tryLock(job, "lock", unix.LOCK_SH)
	if free {
		unlock(file)
	}
	return err == nil && !free
}
