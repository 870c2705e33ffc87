// Package syserr shortens what the system says about files.
package syserr

import (
	"errors"
	"io/fs"
	"os"
)

// WithoutPath returns what the system said about a file, without the path of the file. A caller
// that replaces files names the path that it was given, because the path in the error may be that
// of a temporary file. An error that is not about a file stays as it is.
func WithoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
