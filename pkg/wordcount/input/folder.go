package input

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Folder keeps the folder of the last file open, so that the next file in it is found by its name. A whole
// path takes the system three times as long, because processors that follow the same folders at once wait
// for each other. A Folder doesn't see what takes the place of the folder that it has open, so close it soon.
//
// The zero Folder is ready. A nil one follows whole paths. It isn't safe for concurrent use.
type Folder struct {
	path string // with a slash at its end; "": none is open
	fd   int
}

// enter returns what a system call that looks for a name in a folder is told of a path.
func (f *Folder) enter(path string) (folder int, name string) {
	i := strings.LastIndexByte(path, '/') + 1
	if f == nil || i == 0 || i == len(path) {
		return unix.AT_FDCWD, path
	}
	if f.path != path[:i] {
		f.Close()
		fd, err := unix.Open(path[:i], unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil { // perhaps it may not be listed: the caller will see whether its files can be had
			return unix.AT_FDCWD, path
		}
		f.path, f.fd = path[:i], fd
	}
	return f.fd, path[i:]
}

// Close closes the folder that is open. The Folder is as good as new.
func (f *Folder) Close() {
	if f.path != "" {
		unix.Close(f.fd)
	}
	*f = Folder{}
}

// Stat says what a path leads to. It follows links.
func (f *Folder) Stat(path string) (Info, error) {
	var info unix.Stat_t
	folder, name := f.enter(path)
	err := Restarted("stat", path, func() error { return unix.Fstatat(folder, name, &info, 0) })
	return infoOf(info), err
}

// MayRead returns an error if this user may not read what a path leads to.
func (f *Folder) MayRead(path string) error {
	folder, name := f.enter(path)
	return Restarted("read", path, func() error { return unix.Faccessat(folder, name, unix.R_OK, 0) })
}

// Stat says what a path leads to. It follows links.
func Stat(path string) (Info, error) { return (*Folder)(nil).Stat(path) }
