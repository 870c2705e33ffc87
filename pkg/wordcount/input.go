package wordcount

import (
	"context"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// input is a file that a worker reads; it stops giving when the worker must end. It is a bare descriptor, for of a small
// file what os.File does beside (a poller, a finalizer, locks) takes as long as to read it.
type input struct {
	fd     int
	path   string
	ctx    context.Context
	faults Faults
}

func (w *Worker) open(ctx context.Context, path string) (*input, error) {
	var fd int
	err := restarted("open", path, func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &input{fd: fd, path: path, ctx: ctx, faults: w.Faults}, nil
}

// ReadAt reads what there is at once, which may be less than p takes; io.EOF at the end of the file.
func (f *input) ReadAt(p []byte, off int64) (n int, err error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	err = restarted("read", f.path, func() (err error) {
		n, err = unix.Pread(f.fd, p, off)
		return err
	})
	f.faults.at(MidCount)
	switch {
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// stat returns the file's size, and its time of modification in nanoseconds.
func (f *input) stat() (size, mtime int64, err error) {
	var now unix.Stat_t
	err = restarted("stat", f.path, func() error { return unix.Fstat(f.fd, &now) })
	return now.Size, now.Mtim.Nano(), err
}

func (f *input) close() { unix.Close(f.fd) }

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
