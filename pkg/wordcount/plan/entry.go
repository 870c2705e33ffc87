package plan

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// entryVersion is the version of the entries in the stream of maps. It is part of the job's name.
const entryVersion = 7

// entry is the split as the stream of maps has it: the paths with a zero byte between them, which
// no path contains, and five numbers for each path, with the ETag of an object or a dash, and with a
// word behind them if the range is of frames. These are only two values, because each value of an
// entry costs Redis time.
func (s Split) entry() protocol.Entry {
	names, digits := make([]string, 0, 1+len(s.More)), make([]byte, 0, 64)
	for part := range s.Ranges() {
		names = append(names, part.Path)
		for _, n := range []int64{part.Off, part.Len, part.Size, part.MTime} {
			digits = append(strconv.AppendInt(digits, n, 10), ' ')
		}
		digits = append(strconv.AppendUint(digits, part.Inode, 10), ' ')
		digits = append(append(digits, cmp.Or(part.ETag, noETag)...), ' ')
		if part.Frames {
			digits = append(digits, ofFrames+" "...)
		}
	}
	return protocol.Entry{Paths: strings.Join(names, "\x00"), Numbers: string(digits[:len(digits)-1])}
}

const (
	noETag   = "-"      // stands for the ETag of what is not in S3
	ofFrames = "frames" // stands behind a range of frames
)

// ParseEntry reads an entry, and refuses one that no plan has. Nobody has checked an entry before
// that.
func ParseEntry(e protocol.Entry) (s Split, err error) {
	fields := strings.Fields(e.Numbers)
	for i, path := range strings.Split(e.Paths, "\x00") {
		if len(fields) < 6 {
			return s, errors.New("a path without its five numbers")
		}
		part := Split{File: input.File{Path: path}}
		for i, n := range []*int64{&part.Off, &part.Len, &part.Size, &part.MTime} {
			if *n, err = strconv.ParseInt(fields[i], 10, 64); err != nil {
				return s, err
			}
		}
		if part.Inode, err = strconv.ParseUint(fields[4], 10, 64); err != nil {
			return s, err
		}
		if part.ETag = fields[5]; part.ETag == noETag {
			part.ETag = ""
		}
		fields = fields[6:]
		if part.Frames = len(fields) > 0 && fields[0] == ofFrames; part.Frames {
			fields = fields[1:]
		}
		switch {
		case i == 0:
			s = part
		case part.Off != 0 || part.Len != part.Size || part.Frames:
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

// inBounds refuses a range that its file can't have.
func (s Split) inBounds() error {
	for part := range s.Ranges() {
		if part.Size < 0 || part.Off < 0 || part.Off > part.Size || part.Len < 0 || part.Len > part.Size-part.Off {
			return fmt.Errorf("%q: %d bytes at %d of %d", part.Path, part.Len, part.Off, part.Size)
		}
		if input.InS3(part.Path) != (part.ETag != "") {
			return fmt.Errorf("%q: the ETag %q", part.Path, part.ETag)
		}
	}
	return nil
}
