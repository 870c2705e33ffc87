package shuffle

import "io"

// A Place is where the files of a store lie. A folder is one, and a prefix of an object store can be
// another. Paths have slashes, begin at the store, and are made of checked names.
//
// Errors are those of the host, except the one of a file that is lost.
type Place interface {
	// MakeRoom makes a folder for files if it isn't there.
	MakeRoom(dir string) error
	// Mark writes the mark. The folder of map outputs is there.
	Mark(maps, mark, content string) error
	// Check fails if the folder is not there.
	Check(dir string) error
	// Create begins a file. Nobody sees it before it is finished. A durable one is on the disk then.
	Create(path string, durable bool) (Upload, error)
	// Open says that the file is lost if there is none, and one could be there.
	Open(path string) (Object, error)
	// Remove and RemoveAll remove what is there. That nothing is there is no error.
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
	Size() int64
}

// Behind is for tests. If it is set before a store is opened, the store uses what it returns in the
// place of the folder.
var Behind func(dir string, folder Place) Place
