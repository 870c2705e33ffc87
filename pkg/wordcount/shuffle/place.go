package shuffle

import "io"

// A place is where the files of a store lie. A folder is one, and a prefix of an object store can be
// another. Paths have slashes, begin at the store, and are made of checked names.
//
// Errors are those of the host, except lost.
type place interface {
	// prepare makes room for map outputs, and then writes the mark.
	prepare(maps, mark, content string) error
	// makeRoom makes room for other files.
	makeRoom(dir string) error
	// check fails if there is no room for files.
	check(dir string) error
	// create begins a file. Nobody sees it before it is finished. A durable one is on the disk then.
	create(path string, durable bool) (upload, error)
	// open fails with lost if there is no file, and a file could be there.
	open(path string) (object, error)
	// remove and removeAll remove what is there. That nothing is there is no error.
	remove(path string) error
	removeAll(dir string) error
}

// upload is a file that is being written. It ends with finish or abort.
type upload interface {
	io.Writer
	finish() error
	abort() error
}

// object is an open file.
type object interface {
	io.ReaderAt
	io.Closer
	size() int64
}
