package input

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// vanished turns an error of opening a file into a *ChangedError, if it means that something else
// is there now, or nothing.
func vanished(path string, err error) error {
	for _, gone := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENXIO, unix.ENODEV} {
		if errors.Is(err, gone) {
			return &ChangedError{Path: path, How: fmt.Sprintf("it can't be opened any more: %v", gone)}
		}
	}
	return err
}

// leasePoll is the pause between two tries to open a file on which somebody has a lease.
const leasePoll = 10 * time.Millisecond

// open opens whatever a path leads to, and says what it is. It waits for no writer of a FIFO and for
// no device. If somebody has a lease on the file, it waits until that is given back, or ctx ends.
func (f *Folder) open(ctx context.Context, path string) (fd int, now Info, err error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	folder, name := f.enter(path)
	for {
		err = Restarted("open", path, func() (err error) {
			fd, err = unix.Openat(folder, name, flags, 0)
			return err
		})
		if !errors.Is(err, unix.EAGAIN) {
			break
		}
		// Somebody, perhaps a file server, has a lease on the file, and was just told to give it
		// back.
		select {
		case <-ctx.Done():
			return 0, now, context.Cause(ctx)
		case <-time.After(leasePoll):
		}
	}
	if err != nil {
		return 0, now, err
	}
	if now, err = look(fd, path); err != nil {
		unix.Close(fd)
	}
	return fd, now, err
}

// look says what an open file is.
func look(fd int, path string) (Info, error) {
	var info unix.Stat_t
	err := Restarted("stat", path, func() error { return unix.Fstat(fd, &info) })
	return infoOf(info), err
}

// Info is what a path turns out to lead to.
type Info struct {
	Mode        uint32 // as stat has it
	Regular     bool
	Size, Mtime int64 // bytes; nanoseconds since 1970
	Inode       uint64
	ETag        string // of an object in S3
	longer      bool   // a read got more than the planned size
}

func infoOf(info unix.Stat_t) Info {
	mode := uint32(info.Mode)
	return Info{Mode: mode, Regular: mode&unix.S_IFMT == unix.S_IFREG, Size: info.Size, Mtime: info.Mtim.Nano(), Inode: info.Ino}
}

// Restarted repeats a system call that a signal has interrupted, and names the file in its error.
func Restarted(op, path string, call func() error) error {
	for {
		err := call()
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &fs.PathError{Op: op, Path: path, Err: err}
		}
	}
}
