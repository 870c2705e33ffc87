package wordcount

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Split is the unit of map work: a range of one file, of which it owns the words that start in it, and where there are
// very many small files some of those.
type Split struct {
	File
	Off, Len int64  // bytes
	More     []File // whole ones
}

// A task costs Redis, the supervisor and a worker some 10 µs each, which is more than a small file takes to count. So of
// very many files small ones go together, as many as it takes to have few enough tasks; but not more, for they are given
// up together too.
const (
	manySplits = 1 << 12
	smallFile  = 64 << 10 // bytes
)

// Parts are the split's ranges, of one file each.
func (s Split) Parts() iter.Seq[Split] {
	return func(yield func(Split) bool) {
		if !yield(Split{File: s.File, Off: s.Off, Len: s.Len}) {
			return
		}
		for _, f := range s.More {
			if !yield(Split{File: f, Len: f.Size}) {
				return
			}
		}
	}
}

// Bytes is how much input the split has.
func (s Split) Bytes() (n int64) {
	for part := range s.Parts() {
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

// entryVersion is the version of what stands in the stream of maps. It is part of the job's name.
const entryVersion = 4

// entry is the split in the stream of maps: the paths, parted by zero bytes, which no path has, and five numbers for each.
// Two values are all, since Redis takes its time over each.
func (s Split) entry() (paths, numbers string) {
	names, digits := make([]string, 0, 1+len(s.More)), make([]byte, 0, 64)
	for part := range s.Parts() {
		names = append(names, part.Path)
		for _, n := range []int64{part.Off, part.Len, part.Size, part.MTime} {
			digits = append(strconv.AppendInt(digits, n, 10), ' ')
		}
		digits = append(strconv.AppendUint(digits, part.Inode, 10), ' ')
	}
	return strings.Join(names, "\x00"), string(digits[:len(digits)-1])
}

// parseEntry is the opposite of entry.
func parseEntry(paths, numbers string) (s Split, err error) {
	fields := strings.Fields(numbers)
	for i, path := range strings.Split(paths, "\x00") {
		if len(fields) < 5 {
			return s, errors.New("a path without its five numbers")
		}
		part := Split{File: File{Path: path}}
		for i, n := range []*int64{&part.Off, &part.Len, &part.Size, &part.MTime} {
			if *n, err = strconv.ParseInt(fields[i], 10, 64); err != nil {
				return s, err
			}
		}
		if part.Inode, err = strconv.ParseUint(fields[4], 10, 64); err != nil {
			return s, err
		}
		fields = fields[5:]
		switch {
		case i == 0:
			s = part
		case part.Off != 0 || part.Len != part.Size:
			return s, errors.New("a part of one file among others")
		default:
			s.More = append(s.More, part.File)
		}
	}
	if len(fields) > 0 {
		return s, errors.New("numbers without a path")
	}
	return s, s.inBounds()
}

// Splits lists the splits in the order of the files: task n is the n-th of them, from 1. An empty file is in one too, so
// that its state is checked like any other's.
func (p Plan) Splits() []Split {
	var splits []Split
	small := 0 // files that may still join the last split
	for _, f := range p.Manifest.Files {
		step := p.Split
		if step == 0 {
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
