package plan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"golang.org/x/sys/unix"
)

// examined is a path that a scan found, and what it turned out to be: a file, a reason to skip it,
// or an error.
type examined struct {
	path string
	link bool
	file input.File
	skip string
	err  error
}

func (e *examined) examine(sel Selection) {
	now, err := input.Stat(e.path)
	switch kind := now.Mode & unix.S_IFMT; {
	case errors.Is(err, fs.ErrPermission):
		e.err = err
	case err != nil && e.link:
		e.skip = whyDangling
	case err != nil:
		e.err = err
	case kind == unix.S_IFDIR:
		e.skip = whyFolderLink
	case !now.Regular:
		e.skip = whyNotRegular
	default:
		const everyone = 0o444
		if now.Size == 0 {
			now, e.err = input.CheckEmpty(e.path)
		} else if now.Mode&everyone != everyone { // if everyone may read it, a system call is saved
			if err := unix.Access(e.path, unix.R_OK); err != nil {
				e.err = &fs.PathError{Op: "read", Path: e.path, Err: err}
			}
		}
		e.file = input.File{Path: e.path, Size: now.Size, MTime: now.Mtime}
		if sel.Growing {
			e.file.Inode = now.Inode
		}
		if e.err == nil && now.Size > 0 {
			e.look(sel)
		}
	}
	if sel.Skip.Unreadable && errors.Is(e.err, fs.ErrPermission) {
		e.skip, e.err = whyUnreadable, nil
	}
}

// look examines what is in a file. Each file is looked into, because a compressed file that is taken
// for a plain one would be counted wrongly. This takes three times as long as to list the file.
func (e *examined) look(sel Selection) {
	var r input.Reader
	if err := r.Open(context.Background(), e.file); err != nil {
		if _, changed := errors.AsType[*input.ChangedError](err); !changed { // else a worker will meet it
			e.err = err
		}
		return
	}
	defer r.Close()
	begin, err := beginning(io.NewSectionReader(&r, 0, e.file.Size), input.CompressionWithin)
	if err != nil {
		e.err = err
		return
	}
	e.file.Compression = input.CompressionOf(begin)
	if !sel.Skip.Binary {
		return
	}
	var contents io.Reader = io.NewSectionReader(&r, 0, e.file.Size)
	if e.file.Compression != input.Plain {
		u := input.NewUnpacker(lookWindow)
		u.Reset(&r, e.file)
		contents = u
	}
	begin, err = beginning(contents, binaryWithin)
	if bytes.IndexByte(begin, 0) >= 0 {
		e.skip = whyBinary
	} else if e.file.Compression == input.Plain { // a worker will say what is wrong with a compressed file
		e.err = err
	}
}

// binaryWithin is how many bytes at the beginning of a file, or of what is in a compressed file, are
// searched for a NUL. It is Git's rule (FIRST_FEW_BYTES in its xdiff-interface.c).
const binaryWithin = 8000

// lookWindow is the largest window of zstd, in bytes, with which a file is looked into. RFC 8878
// recommends it.
const lookWindow = 8 << 20

// beginning returns the first bytes of a file.
func beginning(r io.Reader, within int) ([]byte, error) {
	buffer := make([]byte, within)
	n, err := io.ReadFull(r, buffer)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return buffer[:n], err
}

// examiner examines the paths of a scan on all processors, while the scan goes on.
type examiner struct {
	sel     Selection
	batches [][]examined
	full    chan []examined // batches for the goroutines
	busy    sync.WaitGroup
}

// lookAtOnce is how many paths go to a goroutine together.
const lookAtOnce = 500

func newExaminer(sel Selection) *examiner {
	x := &examiner{sel: sel, full: make(chan []examined)}
	for range runtime.GOMAXPROCS(0) {
		x.busy.Go(func() {
			for batch := range x.full {
				x.examine(batch)
			}
		})
	}
	return x
}

func (x *examiner) examine(batch []examined) {
	for i := range batch {
		batch[i].examine(x.sel)
	}
}

func (x *examiner) add(path string, link bool) {
	last := len(x.batches) - 1
	if last < 0 || len(x.batches[last]) == lookAtOnce {
		x.batches = append(x.batches, make([]examined, 0, lookAtOnce))
		last++
	}
	x.batches[last] = append(x.batches[last], examined{path: path, link: link})
	if len(x.batches[last]) == lookAtOnce {
		x.full <- x.batches[last]
	}
}

// wait returns everything that was added, once it is examined.
func (x *examiner) wait() []examined {
	close(x.full)
	if last := len(x.batches) - 1; last >= 0 && len(x.batches[last]) < lookAtOnce {
		x.examine(x.batches[last])
	}
	x.busy.Wait()
	return slices.Concat(x.batches...)
}
