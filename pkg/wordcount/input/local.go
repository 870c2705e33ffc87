package input

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Local is the file system.
type Local struct {
	Folder *Folder // in which files are opened; it may be nil
}

// Stat implements Source.
func (Local) Stat(_ context.Context, path string) (Info, error) { return Stat(path) }

// List implements Source. It yields the names in their order. Its error is that of the whole folder.
func (Local) List(_ context.Context, folder string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, e := range entries {
			path := strings.TrimSuffix(folder, "/") + "/" + e.Name()
			if !yield(Entry{Path: path, Folder: e.IsDir(), Link: e.Type()&fs.ModeSymlink != 0}, nil) {
				return
			}
		}
	}
}

// Open implements Source. It reads nothing and waits for no writer, so a FIFO or a device in the file's
// place can neither block the caller nor be harmed.
func (l Local) Open(ctx context.Context, f File, _, _ int64) (Opened, Info, error) {
	fd, now, err := l.Folder.open(ctx, f.Path)
	if err != nil {
		return nil, now, vanished(f.Path, err)
	}
	return &descriptor{fd, f.Path}, now, nil
}

// descriptor is an open file. It is a bare descriptor, because os.File's poller, finalizer and locks
// cost as much as reading a small file.
type descriptor struct {
	fd   int
	path string
}

func (d *descriptor) ReadAt(p []byte, off int64) (n int, err error) {
	err = Restarted("read", d.path, func() (err error) {
		n, err = unix.Pread(d.fd, p, off)
		return err
	})
	if err != nil {
		return 0, err
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (d *descriptor) Now() (Info, error) { return look(d.fd, d.path) }

func (d *descriptor) Close() { unix.Close(d.fd) }
