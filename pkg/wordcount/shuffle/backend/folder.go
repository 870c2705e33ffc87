package backend

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// folder is a Backend. All paths go through one os.Root, so no link leads out of it.
type folder struct{ root *os.Root }

func (f folder) Close() error { return f.root.Close() }

// unfinished is the end of the name of a file that is being written. No nonce ends so.
const unfinished = ".part"

var errNoFolder = fmt.Errorf("its folder is missing: %w", fs.ErrNotExist)

func (f folder) Usable() error { return nil }

func (f folder) MakeRoom(dir string) error {
	err := f.root.MkdirAll(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) { // somebody has just removed an empty folder on the way
		err = f.root.MkdirAll(dir, 0o700)
	}
	return err
}

// Mark renames the mark into its place, so that it is never seen half written. What a crash leaves
// goes with the map outputs.
func (f folder) Mark(maps, mark, content string) error {
	temporary := path.Join(maps, rand.Text()+unfinished)
	err := f.root.WriteFile(temporary, []byte(content), 0o600)
	if err == nil {
		err = f.root.Rename(temporary, mark)
	}
	if err != nil {
		f.root.Remove(temporary)
	}
	return err
}

func (f folder) Check(dir string) error {
	_, err := f.root.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoFolder
	}
	return err
}

func (f folder) Create(path string, durable bool) (Upload, error) {
	switch _, err := f.root.Lstat(path); {
	case err == nil:
		return nil, fs.ErrExist // a name has one content for ever
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	file, err := f.root.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoFolder
	}
	if err != nil {
		return nil, err
	}
	return &folderUpload{file, f, path, durable}, nil
}

// Open waits for nothing, so that a FIFO in the place of a file does no harm.
func (f folder) Open(name string) (Object, error) {
	info, err := f.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, Lost("it is not a regular file")
	}
	var file *os.File
	if err == nil {
		file, err = f.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.absent(path.Dir(name))
	}
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, err
	}
	return folderObject{file, info.Size()}, nil
}

// absent says what it means that a file in dir is not there.
func (f folder) absent(dir string) error {
	if err := f.Check(dir); err != nil {
		return err
	}
	return Lost("it is not there")
}

func (f folder) Remove(path string) error {
	if err := f.root.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveAll also removes the folders above that are empty then.
func (f folder) RemoveAll(dir string) error {
	if err := f.root.RemoveAll(dir); err != nil {
		return err
	}
	for dir = path.Dir(dir); dir != "." && f.root.Remove(dir) == nil; {
		dir = path.Dir(dir)
	}
	return nil
}

type folderUpload struct {
	*os.File
	folder  folder
	path    string
	durable bool
}

func (u *folderUpload) Finish() error {
	var err error
	if u.durable {
		err = u.Sync()
	}
	err = cmp.Or(err, u.Close())
	if err == nil {
		err = u.folder.root.Rename(u.path+unfinished, u.path)
	}
	if err == nil && u.durable {
		err = u.folder.sync(path.Dir(u.path))
	}
	if err != nil {
		u.folder.Remove(u.path + unfinished)
		u.folder.Remove(u.path)
	}
	return err
}

// sync makes the names in a folder durable.
func (f folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(d.Sync(), d.Close())
}

func (u *folderUpload) Abort() error {
	u.Close()
	return u.folder.Remove(u.path + unfinished)
}

type folderObject struct {
	*os.File
	bytes int64
}

func (o folderObject) Size() (int64, error) { return o.bytes, nil }

// Expect does nothing: the system reads ahead.
func (o folderObject) Expect(int64, int64) {}
