package backend

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/magereduce/magereduce/pkg/s3"
)

// A Backend is a folder, or a prefix of a bucket. Paths have slashes, and begin at the Backend. It is
// safe for concurrent use.
//
// Errors are those of the host, except Lost.
type Backend interface {
	// Usable says why nothing can be kept there, before anything is asked of it that counts. The error
	// wraps ErrUnusable if people must mend the options or the rights.
	Usable() error
	// MakeRoom makes a folder for files if it isn't there.
	MakeRoom(dir string) error
	// Mark writes the mark. The folder of map outputs is there.
	Mark(maps, mark, content string) error
	// Check fails if the folder is not there.
	Check(dir string) error
	// Create begins a file. Nobody sees it before it is finished. A durable one is on the disk then.
	Create(path string, durable bool) (Upload, error)
	// Open opens a file. If the file is lost, the error is Lost: the one of Open, or that of a method of
	// the Object. A file that is not there is lost only if its folder is there, or needs no folder.
	Open(path string) (Object, error)
	// Remove and RemoveAll remove what is there, and RemoveAll what is being written, too. It is no error
	// if nothing is there.
	Remove(path string) error
	RemoveAll(dir string) error
	// Close ends what still goes on, such as requests.
	Close() error
}

// Upload is a file that is being written. It ends with Finish or Abort.
type Upload interface {
	io.Writer
	Finish() error
	Abort() error
}

// Object is an open file.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() (int64, error)
	// Expect says that the bytes from off to end will be read next, in order, so that they may be read
	// together. If there are none, what was read together is dropped.
	Expect(off, end int64)
}

// Lost is the error of a file that is not there, or can't be what was finished under its name. It says
// what is wrong with the file.
type Lost string

func (l Lost) Error() string { return string(l) }

// ErrUnusable is the error of a Backend that can't be used as it is given, until people mend the options
// or the rights.
var ErrUnusable = errors.New("nothing can be kept there")

// InS3 reports whether a Backend is one in S3.
func InS3(where string) bool { return strings.HasPrefix(where, s3.Scheme) }

// Where returns the one way to write where a Backend is: an absolute path, or s3://bucket/prefix without
// a slash at the end.
func Where(text string) (string, error) {
	if !InS3(text) {
		return filepath.Abs(text)
	}
	u, err := parseBucket(text)
	return strings.TrimRight(u.String(), "/"), err
}

// requestRoom is what requests take besides a part of an object, in bytes: what is read together, what
// the SDK and HTTP hold, and garbage of theirs.
const requestRoom = 4 << 20

// Room returns how many bytes of a worker's memory a Backend takes. A folder takes none beyond what any
// file does.
func Room(where string) int {
	if InS3(where) {
		return s3.Part + requestRoom
	}
	return 0
}

// Open opens a folder, or s3://bucket/prefix, whose requests end with ctx. Nothing is asked of S3 yet.
func Open(ctx context.Context, where string) (Backend, error) {
	b, err := open(ctx, where)
	if err == nil && Behind != nil {
		b = Behind(where, b)
	}
	return b, err
}

func open(ctx context.Context, where string) (Backend, error) {
	if InS3(where) {
		base, err := parseBucket(where)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(ctx)
		return bucket{ctx, cancel, base}, nil
	}
	root, err := os.OpenRoot(where)
	if err != nil {
		return nil, err
	}
	return folder{root}, nil
}

// Make is Open, and makes the folder first if it isn't there. The folder above it must be there,
// because a whole missing path is rather a file system that isn't mounted.
func Make(ctx context.Context, where string) (Backend, error) {
	if !InS3(where) {
		if err := os.Mkdir(where, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return Open(ctx, where)
}

// Behind is for tests. If it is set before a Backend is opened, what it returns is used instead.
var Behind func(where string, b Backend) Backend
