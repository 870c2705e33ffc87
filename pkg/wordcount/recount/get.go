package recount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

// opened is a file of the manifest that is open for a recount.
type opened interface {
	io.ReaderAt
	Check(toEnd bool) error // returns a *input.ChangedError if it is not what the manifest says
	Close()
}

// open opens a file of the manifest.
func open(ctx context.Context, f input.File) (opened, error) {
	if input.InS3(f.Path) {
		return &plainGet{ctx: ctx, file: f}, nil
	}
	var in input.Reader
	return &in, in.Open(ctx, f, 0, f.Size)
}

// plainGet reads an object from its beginning to its end, by the SDK alone. Nothing of it reads as the
// workers do: its only ranges go from a byte to the end, and it reads nothing ahead.
type plainGet struct {
	ctx  context.Context
	file input.File
	body io.ReadCloser // nil: nothing was asked for
	at   int64         // of body
}

// getTries is how often a body may break at one byte.
const getTries = 3

// ReadAt is fast only where the read before ended.
func (g *plainGet) ReadAt(p []byte, off int64) (n int, err error) {
	if off >= g.file.Size {
		return 0, io.EOF
	}
	for tries := 0; ; tries++ {
		if g.body == nil || g.at != off {
			if err := g.ask(off); err != nil {
				return 0, err
			}
		}
		n, err = g.body.Read(p)
		g.at += int64(n)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			g.Close()
		}
		if tries == getTries || g.ctx.Err() != nil {
			return 0, &fs.PathError{Op: "get", Path: g.file.Path, Err: errors.New("its end can't be read")}
		}
	}
}

// ask asks for all bytes from one on.
func (g *plainGet) ask(off int64) error {
	g.Close()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(g.file.Path, s3.Scheme), "/")
	ask := &sdk.GetObjectInput{Bucket: &bucket, Key: &key, IfMatch: aws.String(`"` + g.file.ETag + `"`)}
	if off > 0 {
		ask.Range = aws.String(fmt.Sprintf("bytes=%d-", off))
	}
	client, err := s3.Client(g.ctx)
	if err != nil {
		return &fs.PathError{Op: "get", Path: g.file.Path, Err: err}
	}
	changed := &input.ChangedError{Path: g.file.Path, How: "another object, or none, is there now"}
	out, err := client.GetObject(g.ctx, ask)
	if err != nil {
		err = s3.Failed("get", s3.URL{Bucket: bucket, Key: key}, err)
		if errors.Is(err, s3.ErrChanged) || errors.Is(err, fs.ErrNotExist) {
			return changed
		}
		return err
	}
	g.body, g.at = out.Body, off
	if strings.Trim(aws.ToString(out.ETag), `"`) != g.file.ETag { // not every server heeds If-Match
		g.Close()
		return changed
	}
	if aws.ToInt64(out.ContentLength) != g.file.Size-off || off > 0 && !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", off)) {
		g.Close()
		return &fs.PathError{Op: "get", Path: g.file.Path, Err: errors.New("S3 answers with another range")}
	}
	return nil
}

// Check has nothing to compare: S3 gives this version or none. A version of no bytes wasn't asked for.
func (g *plainGet) Check(bool) error { return nil }

func (g *plainGet) Close() {
	if g.body != nil {
		g.body.Close()
		g.body = nil
	}
}
