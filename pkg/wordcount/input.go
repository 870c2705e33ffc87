package wordcount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// input is a file of the manifest that is open for reading; nothing else reads the contents of one. It is a bare descriptor,
// because os.File's poller, finalizer and locks cost as much as reading a small file.
type input struct {
	fd     int
	file   File
	asked  bool // a read asked for the byte behind the planned size
	longer bool // and got it
}

// open opens a file of the manifest if it is still what the manifest says; else it returns how it differs. Nothing was read
// by then, so what took the file's place, a FIFO or a device, can neither hold us up nor be harmed.
func (f *input) open(ctx context.Context, file File) (how string, err error) {
	fd, now, err := openFile(ctx, file.Path)
	if err != nil {
		return vanished(err)
	}
	if how := file.compare(now); how != "" {
		unix.Close(fd)
		return how, nil
	}
	*f = input{fd: fd, file: file}
	return "", nil
}

// vanished tells of an error of opening a file whether it means that something else is there now, or nothing.
func vanished(err error) (how string, other error) {
	for _, gone := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENXIO, unix.ENODEV} {
		if errors.Is(err, gone) {
			return fmt.Sprintf("it can't be opened any more: %v", gone), nil
		}
	}
	return "", err
}

// ReadAt reads what there is at once, which may be less than p takes; io.EOF at the end of the file. It takes note of a read
// that asks for more than the planned size.
func (f *input) ReadAt(p []byte, off int64) (n int, err error) {
	err = restarted("read", f.file.Path, func() (err error) {
		n, err = unix.Pread(f.fd, p, off)
		return err
	})
	if err != nil {
		return 0, err
	}
	if end := off + int64(n); end >= f.file.Size && off+int64(len(p)) > f.file.Size {
		f.asked, f.longer = true, end > f.file.Size
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// compare says how the file differs from what the manifest has, once it was read; "" if it doesn't. If it was read to its
// end, nothing may come after that: the size may lie, as those of /proc do.
func (f *input) compare(toEnd bool) (how string, err error) {
	if toEnd && !f.asked {
		if _, err := f.ReadAt(make([]byte, 1), f.file.Size); err != nil && err != io.EOF {
			return "", err
		}
	}
	now, err := look(f.fd, f.file.Path)
	if err != nil {
		return "", err
	}
	now.longer = f.longer
	return f.file.compare(now), nil
}

func (f *input) close() { unix.Close(f.fd) }

// checkEmpty makes sure that a file whose size is 0 is empty; it returns what the file is now, for it may have grown.
func checkEmpty(path string) (now found, err error) {
	fd, now, err := openFile(context.Background(), path)
	if err != nil {
		return now, err
	}
	defer unix.Close(fd)
	refused := func(why string) error { return &fs.PathError{Op: "read", Path: path, Err: errors.New(why)} }
	if !now.regular {
		return now, refused("it is not a regular file any more")
	}
	got := 0
	err = restarted("read", path, func() (err error) {
		got, err = unix.Pread(fd, make([]byte, 1), 0)
		return err
	})
	if err != nil || got == 0 || now.size > 0 {
		return now, err
	}
	if now, err = look(fd, path); err == nil && now.size == 0 {
		err = refused("its size is 0, and yet it has contents: count a copy of it")
	}
	return now, err
}

// openFile opens a file for reading without waiting for anything, whatever it is, and says what it is.
func openFile(ctx context.Context, path string) (fd int, now found, err error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	for {
		err = restarted("open", path, func() (err error) {
			fd, err = unix.Open(path, flags, 0)
			return err
		})
		if !errors.Is(err, unix.EAGAIN) {
			break
		}
		// Somebody has a lease on the file, a file server perhaps, and was just told to give it back.
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return 0, now, err
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
func look(fd int, path string) (found, error) {
	var info unix.Stat_t
	err := restarted("stat", path, func() error { return unix.Fstat(fd, &info) })
	return foundBy(info), err
}

// stat follows links.
func stat(path string) (found, error) {
	var info unix.Stat_t
	err := restarted("stat", path, func() error { return unix.Stat(path, &info) })
	return foundBy(info), err
}

// found is what a path turns out to be.
type found struct {
	mode        uint32 // as stat has it
	regular     bool
	size, mtime int64
	inode       uint64
	longer      bool // a read got more than the planned size
}

func foundBy(info unix.Stat_t) found {
	mode := uint32(info.Mode)
	return found{mode: mode, regular: mode&unix.S_IFMT == unix.S_IFREG, size: info.Size, mtime: info.Mtim.Nano(), inode: info.Ino}
}

// restarted does a system call again that a signal has interrupted, and names the file in its error.
func restarted(op, path string, call func() error) error {
	for {
		switch err := call(); err {
		case nil:
			return nil
		case unix.EINTR:
		default:
			return &fs.PathError{Op: op, Path: path, Err: err}
		}
	}
}
