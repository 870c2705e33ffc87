package combine

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/record"
)

// unpacking is the text of a split that is compressed, as a worker reads it: in steps, at each of
// which the worker may have to end, because little of a file may unpack to very much.
//
// The frames of a split may begin and end within a word or a record. So its text begins with the
// first white space, or line end, in its frames, and ends with the first one in the frames behind it,
// wherever that is. What is before that is in the text of another split, by the same rule. A split
// has no text if there is no white space in its frames; then the text of another one goes on through
// them. The first split begins where the file begins. So the texts of all splits have each word and
// each record once, whole, and nothing has to be known of what is before a split.
//
// Each split is unpacked up to where its last frame ends. So if all of them can be unpacked, each
// frame that a table has promised is one.
type unpacking struct {
	text  *input.Unpacker
	file  File
	split plan.Split
	ends  string // one of these bytes is behind each word or record
	stage stage
	own   uint64 // bytes of the split's frames so far
	begin int64  // where in them the text begins
}

type stage uint8

const (
	before stage = iota // the first end of a word or record
	within              // the frames of the split
	behind              // them
	over
)

const (
	lineEnd    = "\n"
	whiteSpace = "\t\n\v\f\r " // other white space ends no text: a longer text costs nothing but time

	// behindRead is how many bytes are asked for at once behind the frames of a split.
	behindRead = 4 << 10
)

// newUnpacking begins to unpack a split. as says how it is compressed.
func newUnpacking(text *input.Unpacker, f File, s plan.Split, as input.Compression, ends string) *unpacking {
	if s.Frames {
		text.Frames(f, s.File, s.Off, s.Off+s.Len)
	} else {
		text.Reset(f, s.File, as)
	}
	u := &unpacking{text: text, file: f, split: s, ends: ends}
	if s.Off == 0 {
		u.stage = within
	}
	return u
}

func (u *unpacking) Read(p []byte) (n int, err error) {
	for u.stage != over {
		if err := u.file.Step(); err != nil {
			return 0, err
		}
		if u.stage == behind {
			p = p[:min(len(p), behindRead)]
		}
		n, err = u.text.Read(p)
		if n == 0 && errors.Is(err, io.EOF) {
			u.leave()
			continue
		}
		if n == 0 {
			return 0, err
		}
		// An error that comes with bytes comes again.
		switch u.stage {
		case before:
			u.own += uint64(n)
			i := bytes.IndexAny(p[:n], u.ends)
			if i < 0 {
				u.begin += int64(n)
				continue
			}
			u.begin += int64(i)
			u.stage = within
			return copy(p, p[i:n]), nil
		case within:
			u.own += uint64(n)
		case behind:
			if i := bytes.IndexAny(p[:n], u.ends); i >= 0 {
				u.stage = over
				n = i + 1
			}
		}
		return n, nil
	}
	return 0, io.EOF
}

// leave is the end of some frames, or of the file.
func (u *unpacking) leave() {
	end := u.split.Off + u.split.Len
	if u.stage == within && end < u.split.Size {
		u.stage = behind
		u.text.Frames(u.file, u.split.File, end, u.split.Size)
		return
	}
	u.stage = over
}

// locate says of a word or a record that can't be counted where it is.
func (u *unpacking) locate(err error) error {
	long, isLong := errors.AsType[*count.WordTooLongError](err)
	bad, isBad := errors.AsType[*record.Error](err)
	switch {
	case isLong:
		long.Offset += u.begin
	case isBad:
		bad.Offset += u.begin
	default:
		return err
	}
	if u.split.Off > 0 {
		return fmt.Errorf("unpacked from byte %d on: %w", u.split.Off, err)
	}
	return fmt.Errorf("unpacked: %w", err)
}
