package combine

import (
	"io"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

// File is a file that is open for reading. All that it is asked for fails once the worker must end.
type File interface {
	io.ReaderAt
	Compression() (input.Compression, error)
	// Step is asked before each step that may do without a read: little of a file may unpack to very
	// much.
	Step() error
}
