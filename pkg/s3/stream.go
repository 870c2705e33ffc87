package s3

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	// piece is how many bytes are handed to the caller at once. Up to ahead pieces wait for the caller,
	// and the caller and the connection have one each.
	piece = 256 << 10
	ahead = 3
)

var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// stream is a range of one version of an object, read ahead by a goroutine that close waits for.
type stream struct {
	at, end int64  // of the caller
	before  []byte // the last bytes before at, up to back of them
	rest    []byte
	whole   *[piece]byte // that rest is a part of; nil: none
	full    chan part
	cancel  context.CancelFunc
	err     error // of the goroutine, which sets it before it closes full
}

// part is a piece that is filled up to n.
type part struct {
	piece *[piece]byte
	n     int
}

func begin(ctx context.Context, u URL, o Object, off, end int64) *stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{at: off, end: end, full: make(chan part, ahead), cancel: cancel}
	f := fetch{url: u, object: o, at: off, end: end, full: s.full}
	go func() {
		defer close(s.full)
		s.err = Failed("get", u, f.run(ctx))
	}()
	return s
}

// Read returns bytes of one piece.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		s.release()
		next, ok := <-s.full
		if !ok {
			if s.err == nil { // the reader knows where the end is
				s.err = io.ErrNoProgress
			}
			return 0, s.err
		}
		s.whole, s.rest = next.piece, next.piece[:next.n]
	}
	n := copy(p, s.rest)
	s.keep(s.rest[:n])
	s.rest, s.at = s.rest[n:], s.at+int64(n)
	return n, nil
}

// keep keeps the end of what is given.
func (s *stream) keep(given []byte) {
	given = given[max(0, len(given)-back):]
	drop := max(0, len(s.before)+len(given)-back)
	s.before = append(s.before[:copy(s.before, s.before[drop:])], given...)
}

// given returns what was given from off on, and is kept.
func (s *stream) given(off int64) []byte {
	if n := s.at - off; 0 < n && n <= int64(len(s.before)) {
		return s.before[int64(len(s.before))-n:]
	}
	return nil
}

func (s *stream) release() {
	if s.whole != nil {
		pieces.Put(s.whole)
		s.whole, s.rest = nil, nil
	}
}

// close ends the goroutine. If little is left, it lets the goroutine read it, so that the connection
// can be used again.
func (s *stream) close() {
	s.release()
	if s.end-s.at > drained {
		s.cancel()
	}
	for next := range s.full {
		pieces.Put(next.piece)
	}
	s.cancel()
}

// fetch fills pieces.
type fetch struct {
	url     URL
	object  Object
	at, end int64
	full    chan<- part
}

// run asks for the range, and again for what is left of it when the body breaks.
func (f *fetch) run(ctx context.Context) error {
	client, err := Client(ctx)
	if err != nil {
		return err
	}
	for f.at < f.end {
		err := resume(ctx, func() (progress bool, err error) {
			before := f.at
			err = f.some(ctx, client)
			return f.at > before, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// some reads one body.
func (f *fetch) some(ctx context.Context, client *s3.Client) error {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &f.url.Bucket, Key: &f.url.Key, IfMatch: aws.String(`"` + f.object.ETag + `"`),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", f.at, f.end-1)),
	})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	if unquoted(out.ETag) != f.object.ETag { // not every server heeds If-Match
		return ErrChanged
	}
	if !f.isRange(out) {
		return errRange
	}
	for f.at < f.end {
		p := part{piece: pieces.Get().(*[piece]byte)}
		want := int(min(piece, f.end-f.at))
		for p.n < want && err == nil {
			var n int
			n, err = out.Body.Read(p.piece[p.n:want])
			p.n += n
		}
		if p.n > 0 {
			select {
			case f.full <- p: // also what came before the body broke
				f.at += int64(p.n)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err != nil && f.at < f.end {
			return errBody{err}
		}
		err = nil
	}
	// The end of the body gives the connection back.
	io.CopyN(io.Discard, out.Body, 1)
	return nil
}

// isRange reports whether an answer is the range that was asked for, or the whole object that begins
// with it. Not every server knows ranges.
func (f *fetch) isRange(out *s3.GetObjectOutput) bool {
	length := aws.ToInt64(out.ContentLength)
	if out.ContentRange == nil {
		return f.at == 0 && length == f.object.Size
	}
	return length == f.end-f.at && strings.HasPrefix(*out.ContentRange, fmt.Sprintf("bytes %d-%d/", f.at, f.end-1))
}
