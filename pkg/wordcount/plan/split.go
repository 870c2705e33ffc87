package plan

import (
	"fmt"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Split is the unit of map work: a range of one file, or several small files. It owns the words
// that begin in it. A compressed file is not cut, because its words can only be found from its
// beginning on. Only a zstd file may be cut, where frames begin, and package combine has the rule for
// its words. The bytes of compressed files are those of the file, and not of what is in it: here, in
// progress, and where the seal compares what was counted with the manifest.
type Split struct {
	input.File
	Off, Len int64        // bytes
	Frames   bool         // the range is some of the frames of a zstd file
	More     []input.File // more files, each as a whole
}

// A task costs Redis, the supervisor and a worker some 10 µs each. To count a small file takes
// less. So if there are very many files, small ones are put together until there are few enough
// tasks. But not more than necessary, because they are also buried together.
const (
	manySplits = 1 << 12  // from this many files on
	smallFile  = 64 << 10 // bytes
)

// Ranges are the split's ranges, each of one file.
func (s Split) Ranges() iter.Seq[Split] {
	return func(yield func(Split) bool) {
		if !yield(Split{File: s.File, Off: s.Off, Len: s.Len, Frames: s.Frames}) {
			return
		}
		for _, f := range s.More {
			if !yield(Split{File: f, Len: f.Size}) {
				return
			}
		}
	}
}

// IsWhole reports whether the split has all of its first file. Only then that file may be compressed,
// unless the split is of frames.
func (s Split) IsWhole() bool { return s.Len == s.Size }

// Bytes is the size of the split's input.
func (s Split) Bytes() (n int64) {
	for part := range s.Ranges() {
		n += part.Len
	}
	return n
}

// String names the split for people.
func (s Split) String() string {
	name := fmt.Sprintf("%q at %d", s.Path, s.Off)
	if len(s.More) > 0 {
		name += fmt.Sprintf(" and %d more", len(s.More))
	}
	return name
}

// Entries are the entries of splits, in their order.
func Entries(splits []Split) []protocol.Entry {
	all := make([]protocol.Entry, len(splits))
	for i, s := range splits {
		all[i] = s.entry()
	}
	return all
}

// Splits lists the splits in the order of the files. Task n is the n-th split, from 1. An empty
// file has a split too, so that it is checked like any other.
func (p Plan) Splits() []Split {
	var splits []Split
	small := 0 // how many more files fit into the last split
	for _, f := range p.Manifest.Files {
		if cuts := p.Manifest.Cuts[f.Path]; len(cuts) > 0 {
			splits, small = appendFrames(splits, f, cuts), 0
			continue
		}
		step := p.Split
		if step == 0 || f.Whole {
			step = f.Size
		}
		whole := f.Size <= min(step, smallFile)
		if whole && small > 0 {
			last := &splits[len(splits)-1]
			last.More = append(last.More, f)
			small--
			continue
		}
		small = 0
		if whole {
			small = len(p.Manifest.Files) / manySplits
		}
		for off := int64(0); off == 0 || off < f.Size; off += step {
			splits = append(splits, Split{File: f, Off: off, Len: min(step, f.Size-off)})
			if f.Size == 0 {
				break
			}
		}
	}
	return splits
}

// appendFrames appends the splits of a zstd file, one for each of its parts.
func appendFrames(to []Split, f input.File, cuts []int64) []Split {
	off := int64(0)
	for _, at := range cuts {
		to = append(to, Split{File: f, Off: off, Len: at - off, Frames: true})
		off = at
	}
	return append(to, Split{File: f, Off: off, Len: f.Size - off, Frames: true})
}
