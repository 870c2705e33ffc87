package input

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"github.com/magereduce/magereduce/pkg/s3"
)

// InS3 reports whether a path is that of an object in S3, or of several: s3://bucket/key.
func InS3(path string) bool { return strings.HasPrefix(path, s3.Scheme) }

// S3 is every bucket. Its paths are s3://bucket/key.
type S3 struct{}

// Stat implements Source. It knows objects alone.
func (S3) Stat(ctx context.Context, path string) (Info, error) {
	u, err := s3.Parse(path)
	if err != nil {
		return Info{}, &fs.PathError{Op: "head", Path: path, Err: err}
	}
	o, err := s3.Stat(ctx, u)
	return infoOfObject(o), err
}

func infoOfObject(o s3.Object) Info {
	return Info{Regular: true, Size: o.Size, Mtime: o.MTime, ETag: o.ETag}
}

// List implements Source.
func (S3) List(ctx context.Context, folder string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		u, err := s3.Parse(folder)
		if err != nil {
			yield(Entry{}, &fs.PathError{Op: "list", Path: folder, Err: err})
			return
		}
		for o, err := range s3.List(ctx, u) {
			if !yield(Entry{Path: s3.URL{Bucket: u.Bucket, Key: o.Key}.String(), Info: infoOfObject(o)}, err) || err != nil {
				return
			}
		}
	}
}

// Open implements Source. The version that the file names is what each read gets, so nothing is asked
// for before the first one, unless there is nothing to read.
func (s S3) Open(ctx context.Context, f File, off, end int64) (Opened, Info, error) {
	u, err := s3.Parse(f.Path)
	if err != nil {
		return nil, Info{}, &fs.PathError{Op: "get", Path: f.Path, Err: err}
	}
	now := Info{Regular: true, Size: f.Size, Mtime: f.MTime, ETag: f.ETag}
	if off == end {
		if now, err = s.Stat(ctx, f.Path); err != nil {
			return nil, now, changedObject(f.Path, err)
		}
	}
	return object{s3.Open(ctx, u, s3.Object{Key: u.Key, Size: f.Size, MTime: f.MTime, ETag: f.ETag}, end), now, f.Path}, now, nil
}

// object is an object that is open.
type object struct {
	*s3.Reader
	opened Info
	path   string
}

func (o object) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Reader.ReadAt(p, off)
	return n, changedObject(o.path, err)
}

// Now is what it was when it was opened: another version would have been refused.
func (o object) Now() (Info, error) { return o.opened, nil }

// changedObject turns an error into a *ChangedError, if it means that the version is gone.
func changedObject(path string, err error) error {
	switch {
	case errors.Is(err, s3.ErrChanged):
		return &ChangedError{Path: path, How: "another object took its place"}
	case errors.Is(err, fs.ErrNotExist):
		return &ChangedError{Path: path, How: "it can't be found any more: " + Describe(err)}
	}
	return err
}
