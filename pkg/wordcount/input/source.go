package input

import (
	"context"
	"io"
	"iter"
)

// Source is a place where files are. There are two: the file system, and S3.
type Source interface {
	// Stat says what a path leads to now. It follows links. The error wraps fs.ErrNotExist if there
	// is nothing.
	Stat(ctx context.Context, path string) (Info, error)
	// List yields what is in a folder. S3 has no folders: what is in one are all objects whose keys
	// begin with its path, at any depth.
	List(ctx context.Context, folder string) iter.Seq2[Entry, error]
	// Open opens a file for reads between off and end. Other reads are allowed, and may be slow.
	// It waits for no writer, and says what is there. S3 reads the version that the file names, and
	// no other one.
	Open(ctx context.Context, f File, off, end int64) (Opened, Info, error)
}

// Opened is a file that is open. Its ReadAt may return less than was asked for, and then returns no
// error.
type Opened interface {
	io.ReaderAt
	Now() (Info, error) // what it is now
	Close()
}

// Entry is what a folder has.
type Entry struct {
	Path   string
	Folder bool
	Link   bool // Stat says to what
	Info   Info // of an object in S3; of a file nothing is known yet
}

// SourceOf returns the source of a path. Local files are opened in a folder, which may be nil.
func SourceOf(path string, in *Folder) Source {
	if InS3(path) {
		return S3{}
	}
	return Local{in}
}
