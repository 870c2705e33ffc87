package targets

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/google/renameio/v2"
)

// writeTo writes a result to what path names. A reader of a file sees the old content or all of the new: a new file
// takes its place, with its mode, and links to it stay. Devices and FIFOs are written through.
func writeTo(path string, write func(io.Writer) error) error {
	is, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return outError(path, errors.New("it is a link to a file that doesn't exist: name that file"))
		}
		if os.IsPathSeparator(path[len(path)-1]) {
			return outError(path, errFolder)
		}
		return replace(path, write)
	case err != nil:
		return outError(path, err)
	case is.IsDir():
		return outError(path, errFolder)
	}
	// Of what the shell has opened as standard output, for appending maybe, /dev/stdout is but a name.
	if stdout, err := os.Stdout.Stat(); err == nil && os.SameFile(is, stdout) {
		return write(os.Stdout)
	}
	if is.Mode().IsRegular() {
		file, err := filepath.EvalSymlinks(path)
		if err != nil {
			return outError(path, err)
		}
		return replace(file, write)
	}
	through, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return outError(path, err)
	}
	defer through.Close()
	if err := write(through); err != nil {
		return err
	}
	return through.Close()
}

// replace puts a new file in the place of an old one, if there is one, in one step.
func replace(path string, write func(io.Writer) error) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
	if err != nil {
		return outError(path, err)
	}
	defer file.Cleanup()
	if err := write(file); err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("export: %s: %w", printable(path), withoutName(err))
	}
	return nil
}

var errFolder = errors.New("it is a folder: name a file in it")

func outError(path string, err error) error {
	return fmt.Errorf("%w: -out=%s: %w", protocol.ErrInput, printable(path), withoutName(err))
}

// withoutName is what the system said, without a file's name: it may be that of a temporary one.
func withoutName(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
