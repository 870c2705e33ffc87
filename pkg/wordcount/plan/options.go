package plan

import "github.com/magereduce/magereduce/pkg/wordcount/record"

// DefaultSplit is the size of a split in bytes. It is so large that a task's round trips don't
// show, and so small that little is done again when a worker dies.
const DefaultSplit = 64 << 20

// Options are the choices that change what a task means, and so which job it is.
type Options struct {
	Split      int64 // bytes of a split; 0: DefaultSplit, or whole files if Direct
	WholeFiles bool  // a file is never split
	Reducers   int   // partitions; 0: by the input's size
	Direct     bool  // no reduce phase: each task's words go straight into the sorted set
	Keep       int   // how many words the sorted set may have, while result files have all of them; 0: all, and no files

	// What is counted: see package record for Field and Strict, and package words for the others.
	Field  string // of each record; "": plain text
	Words  string // of the field's value; "": "fields", or "value" if Field is set
	Fold   string // of each word; "": nothing
	Strict bool   // a record that has no value ends the run

	// Selection is how the manifest was scanned. The job's name has only what came of it: the
	// files.
	Selection
}

// split returns the size of a split in bytes. A larger file is cut, but a compressed one only between its
// frames. 0: no file is cut.
func (o Options) split() int64 {
	format, err := record.Parse(o.Field)
	switch {
	case err == nil && !format.Cuttable(), o.WholeFiles, o.Split == 0 && o.Direct:
		return 0
	case o.Split == 0:
		return DefaultSplit
	}
	return o.Split
}
