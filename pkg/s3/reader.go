package s3

import (
	"context"
	"io"
)

const (
	// beyond is how many bytes behind the range of a Reader are asked for with it, because the last word
	// or line of a range may end there.
	beyond = 4 << 10
	// back is how many bytes a Reader keeps of those that it has given, because the next part of a range is
	// read from a little before the end of the last word of the part before.
	back = 4 << 10
	// drained is how many bytes may be left of a body that is read to its end, so that its connection can
	// be used again. If more are left, the connection is closed.
	drained = 64 << 10
)

// Reader reads one version of an object. It is for one goroutine. A read that goes on where the one
// before ended, or up to back bytes before, takes what was read ahead. Another one begins a new request.
type Reader struct {
	ctx    context.Context
	url    URL
	object Object
	end    int64   // where reading ahead ends
	stream *stream // nil: none was begun
}

// Open returns a Reader for the bytes of a range that ends at end, and some more. It asks for nothing
// yet. The Reader's reads end with ctx.
func Open(ctx context.Context, u URL, o Object, end int64) *Reader {
	return &Reader{ctx: ctx, url: u, object: o, end: min(end+beyond, o.Size)}
}

// ReadAt returns as soon as some bytes are there, which may be fewer than p takes. Behind the end of the
// object it returns io.EOF. An error is an *fs.PathError, and wraps ErrChanged if the version is not there any
// more.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.object.Size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.stream != nil {
		if given := r.stream.given(off); len(given) > 0 {
			return copy(p, given), nil
		}
	}
	if r.stream == nil || r.stream.at != off || r.stream.at == r.stream.end {
		r.Close()
		end := min(max(r.end, off+int64(len(p))), r.object.Size)
		r.stream = begin(r.ctx, r.url, r.object, off, end)
	}
	return r.stream.Read(p)
}

// Close ends what is read ahead.
func (r *Reader) Close() {
	if r.stream != nil {
		r.stream.close()
		r.stream = nil
	}
}
