package input

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// Reader is a file of the manifest that is open for reading. Nothing else reads the contents of
// one. It is a bare descriptor, because os.File's poller, finalizer and locks cost as much as
// reading a small file.
type Reader struct {
	fd     int
	File   File
	asked  bool // a read asked for the byte behind the planned size
	longer bool // and there was one
}

// Open opens a file of the manifest. The error is a *ChangedError if the file is not what the
// manifest says. Nothing was read by then, so a FIFO or a device in the file's place can neither
// block the caller nor be harmed.
func (r *Reader) Open(ctx context.Context, file File) error {
	fd, now, err := OpenPath(ctx, file.Path)
	if err != nil {
		return vanished(file.Path, err)
	}
	if err := file.Compare(now); err != nil {
		unix.Close(fd)
		return err
	}
	*r = Reader{fd: fd, File: file}
	return nil
}

// ReadAt reads what is there at once, which may be less than p takes, and returns io.EOF at the end
// of the file. It notes a read that asks for more than the planned size.
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	err = Restarted("read", r.File.Path, func() (err error) {
		n, err = unix.Pread(r.fd, p, off)
		return err
	})
	if err != nil {
		return 0, err
	}
	if end := off + int64(n); end >= r.File.Size && off+int64(len(p)) > r.File.Size {
		r.asked, r.longer = true, end > r.File.Size
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Check returns a *ChangedError if the file, now that it was read, is not what the manifest says.
// If it was read to its end, nothing may follow: the size may lie, as sizes in /proc do.
func (r *Reader) Check(toEnd bool) error {
	if toEnd && !r.asked {
		if _, err := r.ReadAt(make([]byte, 1), r.File.Size); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	now, err := look(r.fd, r.File.Path)
	if err != nil {
		return err
	}
	now.longer = r.longer
	return r.File.Compare(now)
}

// Close closes the file.
func (r *Reader) Close() { unix.Close(r.fd) }
