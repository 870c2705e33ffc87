package input

import (
	"context"
	"errors"
	"io"
	"slices"
)

// Reader is a file of the manifest that is open for reading. All contents of such files are read by it,
// except that verify reads objects in S3 in its own way. A Reader keeps its buffer for the next file.
type Reader struct {
	Folder *Folder // in which local files are opened; it may be nil
	File   File
	opened Opened
	head   []byte // the first bytes, if Compression has read them
	asked  bool   // a read asked for the byte behind the planned size
	longer bool   // and there was one
}

// Open opens a file of the manifest, for reads between off and end. The error is a *ChangedError if
// the file is not what the manifest says.
func (r *Reader) Open(ctx context.Context, file File, off, end int64) error {
	opened, now, err := SourceOf(file.Path, r.Folder).Open(ctx, file, off, end)
	if err != nil {
		return err
	}
	if err := file.Compare(now); err != nil {
		opened.Close()
		return err
	}
	*r = Reader{Folder: r.Folder, File: file, opened: opened, head: r.head[:0]}
	return nil
}

// headSize is up to which size, in bytes, Compression reads a file as a whole. So a small file is
// read once.
const headSize = 64 << 10

// Compression says how the file is compressed, by its first bytes. They are kept, and not read again.
func (r *Reader) Compression() (Compression, error) {
	want, ask := CompressionWithin, CompressionWithin
	if r.File.Size < headSize {
		want = int(r.File.Size)
		ask = want + 1 // a read behind the size shows whether there is more
	}
	r.head = slices.Grow(r.head[:0], ask)
	for len(r.head) < want {
		n, err := r.read(r.head[len(r.head):ask], int64(len(r.head)))
		r.head = r.head[:len(r.head)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Plain, err
		}
	}
	return CompressionOf(r.head[:min(int64(len(r.head)), r.File.Size)]), nil
}

// ReadAt reads what is there at once, which may be less than p takes, and returns io.EOF at the end
// of the file.
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(r.head)) {
		return copy(p, r.head[off:]), nil
	}
	return r.read(p, off)
}

// read notes a read that asks for more than the planned size.
func (r *Reader) read(p []byte, off int64) (n int, err error) {
	n, err = r.opened.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	if end := off + int64(n); end >= r.File.Size && off+int64(len(p)) > r.File.Size {
		r.asked, r.longer = true, end > r.File.Size
	}
	return n, err
}

// Check returns a *ChangedError if the file, now that it was read, is not what the manifest says.
// If it was read to its end, nothing may follow: the size may lie, as sizes in /proc do.
func (r *Reader) Check(toEnd bool) error {
	if toEnd && !r.asked {
		if _, err := r.read(make([]byte, 1), r.File.Size); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	now, err := r.opened.Now()
	if err != nil {
		return err
	}
	now.longer = r.longer
	return r.File.Compare(now)
}

// Close closes the file.
func (r *Reader) Close() { r.opened.Close() }

// Check opens the file to see whether it can be read and is what the manifest says. Its error is a
// *ChangedError if not.
func (f File) Check(ctx context.Context) error {
	var r Reader
	err := r.Open(ctx, f, 0, 0)
	if err == nil {
		r.Close()
	}
	return err
}
