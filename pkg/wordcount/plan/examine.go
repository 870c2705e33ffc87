package plan

import (
	"bytes"
	"context"
	"errors"
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

	early      bool // one of the first files of a scan
	unread     bool // nobody has looked at what is in it
	compressed bool
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
		e.unread = now.Size > 0 && !sel.Skip.Binary && !e.early && now.Size < largeFile
		if e.err == nil && now.Size > 0 && !e.unread {
			e.look(sel)
		}
	}
	if sel.Skip.Unreadable && errors.Is(e.err, fs.ErrPermission) {
		e.skip, e.err = whyUnreadable, nil
	}
}

// look examines what is in a file.
func (e *examined) look(sel Selection) {
	within := magicWithin
	if sel.Skip.Binary {
		within = binaryWithin
	}
	begin, err := beginning(e.path, within)
	e.compressed = isCompressed(begin)
	if !sel.Skip.Binary {
		return // a worker will meet the error, too
	}
	if e.err = err; bytes.IndexByte(begin, 0) >= 0 {
		e.skip = whyBinary
	}
}

// binaryWithin is how many bytes at the beginning of a file are searched for a NUL. It is Git's
// rule (FIRST_FEW_BYTES in its xdiff-interface.c).
const binaryWithin = 8000

// beginning returns the first bytes of a file.
func beginning(path string, within int) ([]byte, error) {
	fd, _, err := input.OpenPath(context.Background(), path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, buffer := 0, make([]byte, within)
	err = input.Restarted("read", path, func() (err error) {
		n, err = unix.Pread(fd, buffer, 0)
		return err
	})
	return buffer[:max(n, 0)], err
}

// examiner examines the paths of a scan on all processors, while the scan goes on.
type examiner struct {
	sel     Selection
	added   int // paths
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
	x.batches[last] = append(x.batches[last], examined{path: path, link: link, early: x.added < earlyFiles})
	x.added++
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
