package plan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"runtime"
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
	cuts []int64 // where it is cut, although it is compressed
	skip string
	err  error
}

func (e *examined) examine(ctx context.Context, o Options, in *input.Folder) {
	if e.file.ETag != "" {
		e.look(ctx, o)
	} else {
		e.stat(ctx, o, in)
	}
	if o.Skip.Unreadable && errors.Is(e.err, fs.ErrPermission) {
		e.skip, e.err = whyUnreadable, nil
	}
}

// stat examines a path in the file system.
func (e *examined) stat(ctx context.Context, o Options, in *input.Folder) {
	now, err := in.Stat(e.path)
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
			now, e.err = in.CheckEmpty(e.path)
		} else if now.Mode&everyone != everyone { // if everyone may read it, a system call is saved
			e.err = in.MayRead(e.path)
		}
		e.file = input.File{Path: e.path, Size: now.Size, MTime: now.Mtime}
		if o.Growing {
			e.file.Inode = now.Inode
		}
		if e.err == nil && o.mustLook(now.Size) {
			e.look(ctx, o)
		}
	}
}

// mustLook reports whether a file of this size is looked into. It must be if it would be cut, because
// a compressed file can't be cut at any byte. Of any other file, its reader finds out how it is
// compressed. To look into a file takes three times as long as to list it.
func (o Options) mustLook(size int64) bool {
	return size > 0 && (o.Skip.Binary || o.cuts(size))
}

// cuts reports whether a file of this size is cut, if it isn't compressed.
func (o Options) cuts(size int64) bool { return o.split() > 0 && size > o.split() }

// look examines what is in a file. If the file has changed since it was listed, a worker will meet that.
func (e *examined) look(ctx context.Context, o Options) {
	e.err = e.contents(ctx, o)
	if _, changed := errors.AsType[*input.ChangedError](e.err); changed {
		e.err = nil
	}
}

func (e *examined) contents(ctx context.Context, o Options) error {
	var r input.Reader
	within := int64(input.CompressionWithin)
	if o.Skip.Binary {
		within = lookWithin
	}
	if err := r.Open(ctx, e.file, 0, min(within, e.file.Size)); err != nil {
		return err
	}
	defer r.Close()
	as, err := r.Compression()
	if err != nil {
		return err
	}
	e.file.Whole = as != input.Plain && o.cuts(e.file.Size)
	if as == input.Zstd && e.file.Whole {
		if err := e.frames(ctx, o); err != nil {
			return err
		}
	}
	if !o.Skip.Binary {
		return nil
	}
	var contents io.Reader = io.NewSectionReader(&r, 0, e.file.Size)
	if as != input.Plain {
		u := input.NewUnpacker(lookWindow)
		u.Reset(&r, e.file, as)
		contents = u
	}
	begin, err := beginning(contents, binaryWithin)
	switch {
	case bytes.IndexByte(begin, 0) >= 0:
		e.skip = whyBinary
	case as == input.Plain: // a worker will say what is wrong with a compressed file
		return err
	}
	return nil
}

// frames finds out where a zstd file is cut.
func (e *examined) frames(ctx context.Context, o Options) error {
	var r input.Reader
	if err := r.Open(ctx, e.file, 0, e.file.Size); err != nil { // of an object it reads on to the end
		return err
	}
	defer r.Close()
	var err error
	e.cuts, err = input.Cuts(&r, e.file.Size, o.split())
	return err
}

// binaryWithin is how many bytes at the beginning of a file, or of what is in a compressed file, are
// searched for a NUL. It is Git's rule (FIRST_FEW_BYTES in its xdiff-interface.c).
const binaryWithin = 8000

// lookWithin is how many bytes of a file are asked for at first to find out whether it is binary.
const lookWithin = 64 << 10

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
	ctx     context.Context // of the scan
	o       Options
	files   []input.File // objects that nothing more has to be known of
	batches [][]examined
	atOnce  int             // how many paths go to a goroutine together
	full    chan []examined // batches for the goroutines
	busy    sync.WaitGroup
}

const (
	lookAtOnce = 500
	// Each look into S3 waits for an answer, so more of them are under way.
	lookAtOnceInS3 = 10
	looksIntoS3    = 16
)

func newExaminer(ctx context.Context, o Options, inS3 bool) *examiner {
	x := &examiner{ctx: ctx, o: o, full: make(chan []examined), atOnce: lookAtOnce}
	looks := runtime.GOMAXPROCS(0)
	if inS3 {
		looks, x.atOnce = max(looks, looksIntoS3), lookAtOnceInS3
	}
	for range looks {
		x.busy.Go(func() {
			for batch := range x.full {
				x.examine(batch)
			}
		})
	}
	return x
}

func (x *examiner) examine(batch []examined) {
	var folder input.Folder
	defer folder.Close()
	for i := range batch {
		batch[i].examine(x.ctx, x.o, &folder)
	}
}

func (x *examiner) add(e input.Entry) {
	file := input.File{Path: e.Path, Size: e.Info.Size, MTime: e.Info.Mtime, ETag: e.Info.ETag}
	if file.ETag != "" && !x.o.mustLook(file.Size) {
		x.files = append(x.files, file)
		return
	}
	last := len(x.batches) - 1
	if last < 0 || len(x.batches[last]) == x.atOnce {
		x.batches = append(x.batches, make([]examined, 0, x.atOnce))
		last++
	}
	x.batches[last] = append(x.batches[last], examined{path: e.Path, link: e.Link, file: file})
	if len(x.batches[last]) == x.atOnce {
		x.full <- x.batches[last]
	}
}

// wait returns everything that was added, once it is examined. It copies nothing: to copy very many files
// would take as long as to examine them.
func (x *examiner) wait() iter.Seq[*examined] {
	close(x.full)
	if last := len(x.batches) - 1; last >= 0 && len(x.batches[last]) < x.atOnce {
		x.examine(x.batches[last])
	}
	x.busy.Wait()
	return func(yield func(*examined) bool) {
		for _, batch := range x.batches {
			for i := range batch {
				if !yield(&batch[i]) {
					return
				}
			}
		}
	}
}
