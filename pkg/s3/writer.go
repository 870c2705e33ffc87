package s3

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Part is how many bytes of an object a Writer sends at once, and holds until then.
const Part = 8 << 20

var parts = sync.Pool{New: func() any { return new([Part]byte) }}

// Writer writes an object that is not there yet. It is there after Finish, or not at all. Up to Part
// bytes are one request. More are an upload of several parts, which Abort takes back. After an error
// only Abort is of use. A Writer is for one goroutine.
type Writer struct {
	ctx  context.Context
	url  URL
	part *[Part]byte // nil: nothing was written since the last part
	n    int         // bytes in it
	id   *string     // of an upload in parts; nil: it is none yet
	sent []types.CompletedPart
	size int64 // bytes that were sent
	err  error // of a Write: the object can't be finished any more
}

// Create returns a Writer, whose requests end with ctx. It sends nothing yet.
func Create(ctx context.Context, u URL) *Writer { return &Writer{ctx: ctx, url: u} }

func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if w.n == Part && w.err == nil {
			w.err = Failed("put", w.url, w.send())
		}
		if w.err != nil {
			return n, w.err
		}
		if w.part == nil {
			w.part = parts.Get().(*[Part]byte)
		}
		some := copy(w.part[w.n:], p)
		w.n, n, p = w.n+some, n+some, p[some:]
	}
	return n, nil
}

// send sends a part of an upload, and begins it before the first one.
func (w *Writer) send() error {
	client, err := Client(w.ctx)
	if err != nil {
		return err
	}
	if w.id == nil {
		begun, err := client.CreateMultipartUpload(w.ctx, &s3.CreateMultipartUploadInput{Bucket: &w.url.Bucket, Key: &w.url.Key})
		if err != nil {
			return err
		}
		w.id = begun.UploadId
	}
	number := int32(len(w.sent) + 1)
	out, err := client.UploadPart(w.ctx, &s3.UploadPartInput{
		Bucket: &w.url.Bucket, Key: &w.url.Key, UploadId: w.id, PartNumber: &number, Body: bytes.NewReader(w.part[:w.n]),
	})
	if err != nil {
		return err
	}
	w.sent = append(w.sent, types.CompletedPart{ETag: out.ETag, PartNumber: &number})
	w.size, w.n = w.size+int64(w.n), 0
	return nil
}

// Finish ends the object. After an error, nothing of it is left if the server can still be asked.
func (w *Writer) Finish() error {
	err := w.err
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		w.Abort()
	}
	w.release()
	return Failed("put", w.url, err)
}

func (w *Writer) finish() error {
	client, err := Client(w.ctx)
	if err != nil {
		return err
	}
	if w.id == nil {
		var all []byte
		if w.part != nil {
			all = w.part[:w.n]
		}
		_, err := client.PutObject(w.ctx, &s3.PutObjectInput{Bucket: &w.url.Bucket, Key: &w.url.Key, Body: bytes.NewReader(all)})
		return err
	}
	if w.n > 0 {
		if err := w.send(); err != nil {
			return err
		}
	}
	_, err = client.CompleteMultipartUpload(w.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &w.url.Bucket, Key: &w.url.Key, UploadId: w.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: w.sent},
	})
	if err == nil || w.isThere(err) {
		return nil
	}
	return err
}

// isThere reports whether the upload was finished although err says that it wasn't: the answer was lost,
// and another try can't finish it again.
func (w *Writer) isThere(err error) bool {
	if _, answered := errors.AsType[statusError](cause(err)); answered && !hasCode(err, noUpload) {
		return false
	}
	o, err := Stat(w.ctx, w.url)
	return err == nil && o.Size == w.size
}

// Abort takes back what was sent in parts. It does so after the end of the Writer's ctx, too.
func (w *Writer) Abort() error {
	w.release()
	if w.id == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), abortWithin)
	defer cancel()
	err := abort(ctx, w.url, w.id)
	if err == nil {
		w.id = nil
	}
	return Failed("abort", w.url, err)
}

// abort takes back an upload. That it is not there is no error.
func abort(ctx context.Context, u URL, id *string) error {
	client, err := Client(ctx)
	if err == nil {
		_, err = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &u.Bucket, Key: &u.Key, UploadId: id})
	}
	if hasCode(err, noUpload) {
		return nil
	}
	return err
}

func (w *Writer) release() {
	if w.part != nil {
		parts.Put(w.part)
		w.part, w.n = nil, 0
	}
}
