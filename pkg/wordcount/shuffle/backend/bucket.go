package backend

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/magereduce/magereduce/pkg/s3"
)

// bucket is a Backend in S3: the keys that begin with a prefix. It has no folders, and a file needs no
// other name while it is written, because an object is there as a whole or not at all. No request asks
// the server to refuse a name that is there: the names are nonces, and a request that is sent again,
// because its answer was lost, would meet its own object.
type bucket struct {
	ctx    context.Context // of all requests
	cancel context.CancelFunc
	base   s3.URL
}

func (b bucket) Close() error { b.cancel(); return nil }

const (
	// windowSize is how many bytes are read together. Segments of partitions that are read one after
	// the other are one request, up to this size.
	windowSize = 256 << 10
	// endSize is how many bytes of a file are read with its size: the tail, most footers, and all of a
	// small map output.
	endSize = 64 << 10
)

var windows = sync.Pool{New: func() any { return new([windowSize]byte) }}

func (b bucket) at(path string) s3.URL {
	if b.base.Key == "" {
		return s3.URL{Bucket: b.base.Bucket, Key: path}
	}
	return s3.URL{Bucket: b.base.Bucket, Key: b.base.Key + "/" + path}
}

// Usable looks for an object that can't be there. Without the right to list the bucket, the server
// answers that the object is forbidden. It would say the same of a lost file.
func (b bucket) Usable() error {
	_, err := s3.ReadAt(b.ctx, b.at(rand.Text()), make([]byte, 1), 0)
	switch {
	case errors.Is(err, s3.ErrNoBucket):
		return fmt.Errorf("%w: %w: make the bucket first", ErrUnusable, err)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w: it needs s3:ListBucket, because without that a lost file looks like a forbidden one", ErrUnusable, err)
	case err == nil:
		err = errors.New("it has an object of any name")
	}
	return fmt.Errorf("%w: %w", ErrUnusable, err)
}

func (b bucket) MakeRoom(string) error { return nil }

func (b bucket) Mark(_, mark, content string) error {
	w := s3.Create(b.ctx, b.at(mark))
	if _, err := io.WriteString(w, content); err != nil {
		return err
	}
	return w.Finish()
}

// Check fails if nothing is below dir.
func (b bucket) Check(dir string) error {
	for _, err := range s3.List(b.ctx, b.at(dir+"/")) {
		return err
	}
	return errNoFolder
}

func (b bucket) Create(path string, _ bool) (Upload, error) { return s3.Create(b.ctx, b.at(path)), nil }

// Open asks for nothing. So a map output that is opened again costs no request.
func (b bucket) Open(path string) (Object, error) {
	return &bucketObject{ctx: b.ctx, url: b.at(path), bytes: -1}, nil
}

func (b bucket) Remove(path string) error { return s3.Delete(b.ctx, b.at(path)) }

func (b bucket) RemoveAll(dir string) error { return s3.DeleteAll(b.ctx, b.at(dir+"/")) }

type bucketObject struct {
	ctx   context.Context
	url   s3.URL
	bytes int64 // -1: not known yet

	window *[windowSize]byte // nil: nothing was read together
	off    int64             // where it begins
	n      int               // bytes in it
	end    int64             // where what is expected ends
}

func (o *bucketObject) Size() (int64, error) {
	if o.bytes < 0 {
		o.hold()
		n, size, err := s3.ReadEnd(o.ctx, o.url, o.window[:endSize])
		if err != nil {
			return 0, absent(err)
		}
		o.bytes, o.off, o.n = size, size-int64(n), n
	}
	return o.bytes, nil
}

func (o *bucketObject) Expect(_, end int64) {
	if o.end = end; end == 0 {
		o.Close()
	}
}

func (o *bucketObject) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		at := off + int64(n)
		if at >= o.off && at < o.off+int64(o.n) {
			n += copy(p[n:], o.window[at-o.off:o.n])
			continue
		}
		if left := o.end - at; int64(len(p)-n) >= min(left, windowSize) { // nothing to read together
			var some int
			some, err = s3.ReadAt(o.ctx, o.url, p[n:], at)
			n += some
			continue
		}
		o.hold()
		o.off = at
		o.n, err = s3.ReadAt(o.ctx, o.url, o.window[:min(windowSize, o.end-at)], at)
		if o.n > 0 { // an end is met again
			err = nil
		}
	}
	return n, absent(err)
}

func (o *bucketObject) hold() {
	if o.window == nil {
		o.window = windows.Get().(*[windowSize]byte)
	}
	o.n = 0
}

// Close drops what was read together.
func (o *bucketObject) Close() error {
	if o.window != nil {
		windows.Put(o.window)
		o.window, o.n = nil, 0
	}
	return nil
}

// absent says what it means that an object is not there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, s3.ErrNoBucket) {
		return Lost("it is not there")
	}
	return err
}

// parseBucket reads s3://bucket/prefix. A slash at the end means nothing.
func parseBucket(where string) (s3.URL, error) {
	u, err := s3.Parse(where)
	if err != nil {
		return u, errors.New("write s3://bucket/prefix")
	}
	u.Key = strings.TrimRight(u.Key, "/")
	return u, nil
}
