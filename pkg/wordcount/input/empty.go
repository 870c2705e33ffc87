package input

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// CheckEmpty makes sure that a file whose size is 0 has no contents, as files in /proc have. It
// returns what the file is now, because it may have grown.
func (f *Folder) CheckEmpty(path string) (now Info, err error) {
	fd, now, err := f.open(context.Background(), path)
	if err != nil {
		return now, err
	}
	defer unix.Close(fd)
	refused := func(why string) error { return &fs.PathError{Op: "read", Path: path, Err: errors.New(why)} }
	if !now.Regular {
		return now, refused("it is not a regular file any more")
	}
	got := 0
	err = Restarted("read", path, func() (err error) {
		got, err = unix.Pread(fd, make([]byte, 1), 0)
		return err
	})
	if err != nil || got == 0 || now.Size > 0 {
		return now, err
	}
	if now, err = look(fd, path); err == nil && now.Size == 0 {
		err = refused("its size is 0, and yet it has contents: count a copy of it")
	}
	return now, err
}
