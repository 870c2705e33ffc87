package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan/glob"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"golang.org/x/sys/unix"
)

// place is where an input leads.
type place struct {
	name    string // as it was asked for, but absolute
	kind    kind
	top     string // a file, or a folder without links in its path
	pattern glob.Pattern
	info    input.Info // of a file
	begin   string     // in S3: what all paths below top begin with that are asked for
}

type kind int

const (
	aFile kind = iota
	aFolder
	aPattern
)

func quoted(path string) string { return strconv.Quote(path) }

// locate finds out what an input is.
func locate(ctx context.Context, name string) (at place, err error) {
	if input.InS3(name) {
		return locateObjects(ctx, name)
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return at, fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	at.name = abs
	// An input that is a link is followed.
	at.top, err = filepath.EvalSymlinks(abs)
	if err == nil {
		at.info, err = input.Local{}.Stat(ctx, at.top)
	}
	if err != nil && glob.HasMeta(name) {
		return locatePattern(name)
	}
	if err != nil {
		return at, fmt.Errorf("%w: %s: name a file or a folder that exists", protocol.ErrInput, input.Describe(err))
	}
	switch at.info.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		at.kind = aFolder
	case unix.S_IFREG:
		at.kind = aFile
	default:
		return at, fmt.Errorf("%w: %s is neither a file nor a folder: name one", protocol.ErrInput, quoted(name))
	}
	return at, nil
}

// locatePattern finds the folder in which a pattern begins. Links in the path of that folder are
// followed.
func locatePattern(name string) (at place, err error) {
	base, text := glob.Split(name)
	if at.pattern, err = glob.Parse(text); err != nil {
		return at, fmt.Errorf("%w: %s: it doesn't exist, and as a pattern it is malformed", protocol.ErrInput, quoted(name))
	}
	at.kind = aPattern
	if at.top, err = filepath.Abs(base); err == nil {
		at.name = glob.Escape(strings.TrimSuffix(at.top, "/")) + "/" + text
		at.top, err = filepath.EvalSymlinks(at.top)
	}
	if err != nil {
		return at, fmt.Errorf("%w: %s: the pattern %s begins in a folder that doesn't exist", protocol.ErrInput, input.Describe(err), quoted(name))
	}
	return at, nil
}

// locateObjects finds out what an input in S3 is: the object of that key; or else what a pattern
// matches; or else all objects below it, as below a folder.
func locateObjects(ctx context.Context, name string) (at place, err error) {
	u, err := s3.Parse(name)
	if err != nil {
		return at, fmt.Errorf("%w: %s: %w", protocol.ErrInput, quoted(name), err)
	}
	if name = u.String(); !strings.HasSuffix(name, "/") {
		at = place{name: name, top: name}
		if at.info, err = (input.S3{}).Stat(ctx, name); !errors.Is(err, fs.ErrNotExist) {
			return at, err
		}
	}
	return objectsBelow(u)
}

// objectsBelow is an input in S3 that is no object.
func objectsBelow(u s3.URL) (at place, err error) {
	at = place{name: u.String(), kind: aFolder}
	if !glob.HasMeta(u.Key) {
		at.top = strings.TrimSuffix(at.name, "/") + "/"
		at.begin = at.top
		return at, nil
	}
	at.kind = aPattern
	folder, text := glob.Split(u.Key)
	if at.pattern, err = glob.Parse(text); err != nil {
		return at, fmt.Errorf("%w: %s: there is no such object, and as a pattern it is malformed", protocol.ErrInput, quoted(at.name))
	}
	at.top = s3.URL{Bucket: u.Bucket}.String()
	if folder != "." {
		at.top += folder + "/"
	}
	at.begin = at.top + glob.Literal(text)
	return at, nil
}

// IsAbs reports whether an input means the same in every working folder.
func IsAbs(name string) bool { return filepath.IsAbs(name) || input.InS3(name) }

// Missing returns an error if an input can't exist, as far as that can be said without asking S3.
func Missing(inputs []string) error {
	for _, name := range inputs {
		if _, err := input.Stat(name); err != nil && !glob.HasMeta(name) && !input.InS3(name) {
			if path, ok := errors.AsType[*fs.PathError](err); ok {
				err = path.Err
			}
			return fmt.Errorf("%w: %s: %w", protocol.ErrInput, quoted(name), err)
		}
	}
	return nil
}

// Base returns what must be there for an input of this file system: the file or folder of that name,
// or the folder in which a pattern begins.
func Base(name string) string {
	if _, err := os.Lstat(name); err == nil || !glob.HasMeta(name) {
		return name
	}
	folder, _ := glob.Split(name)
	return folder
}
