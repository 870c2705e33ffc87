package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/syserr"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Write writes a result to the file, or the object in S3, that path names. The path is not empty. The
// error wraps protocol.ErrInput if the path can't be written to.
func Write(ctx context.Context, path string, write func(io.Writer) error) error {
	if strings.HasPrefix(path, s3.Scheme) {
		return upload(ctx, path, write)
	}
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
	// A path like /dev/stdout names what the shell has opened as standard output, perhaps for
	// appending. So the open file is used.
	if stdout, err := os.Stdout.Stat(); err == nil && os.SameFile(is, stdout) {
		return write(&show.Out)
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

// upload writes an object.
func upload(ctx context.Context, path string, write func(io.Writer) error) error {
	u, err := s3.Parse(path)
	if err == nil && (u.Key == "" || strings.HasSuffix(u.Key, "/")) {
		err = errFolder
	}
	if err != nil {
		return outError(path, err)
	}
	err = s3.Upload(ctx, u, write)
	if of, ok := errors.AsType[*fs.PathError](err); ok && of.Path == u.String() {
		return outError(path, err)
	}
	return err
}

// replace writes a new file and puts it in the place of path, in one step.
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
		return fmt.Errorf("export: %s: %w", show.Printable(path), syserr.WithoutPath(err))
	}
	return nil
}

var errFolder = errors.New("it is a folder: name a file in it")

func outError(path string, err error) error {
	return fmt.Errorf("%w: -out=%s: %w", protocol.ErrInput, show.Printable(path), syserr.WithoutPath(err))
}
