package shuffle

import "io"

// A Place is where the files of a store lie: a folder, or a prefix of a bucket. Paths have slashes,
// begin at the store, and are made of checked names.
//
// Errors are those of the host, except the one of a file that is lost.
type Place interface {
	// Usable says why the place can't be used, before anything is asked of it that counts. The error
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
	// Open opens a file. That it is lost is said here, or when something is asked of the Object: there
	// is none, and one could be there.
	Open(path string) (Object, error)
	// Remove and RemoveAll remove what is there, and RemoveAll what is being written, too. That nothing
	// is there is no error.
	Remove(path string) error
	RemoveAll(dir string) error
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

// Behind is for tests. If it is set before a store is opened, the store uses what it returns in the
// place of the folder.
var Behind func(dir string, folder Place) Place
