package s3

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Object is an object as it is now.
type Object struct {
	Key   string
	Size  int64  // bytes
	MTime int64  // when it was written, nanoseconds since 1970
	ETag  string // of its version, without quotes
}

// Stat returns the object at u. The error wraps fs.ErrNotExist if there is none.
func Stat(ctx context.Context, u URL) (Object, error) {
	client, err := Client(ctx)
	if err != nil {
		return Object{}, Failed("head", u, err)
	}
	out, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	if err != nil {
		return Object{}, Failed("head", u, err)
	}
	o := Object{Key: u.Key, Size: aws.ToInt64(out.ContentLength), ETag: unquoted(out.ETag)}
	if out.LastModified != nil {
		o.MTime = out.LastModified.UnixNano()
	}
	return o, o.check(u)
}

// List yields the objects whose keys begin with that of u, in the order of S3. It keeps one page of a
// thousand objects at a time.
func List(ctx context.Context, u URL) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		client, err := Client(ctx)
		if err != nil {
			yield(Object{}, Failed("list", u, err))
			return
		}
		// As text of a URL, because XML doesn't have every character of a key.
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &u.Bucket, Prefix: &u.Key, EncodingType: types.EncodingTypeUrl})
		for pages.HasMorePages() {
			page, err := again(ctx, func() (*s3.ListObjectsV2Output, error) { return pages.NextPage(ctx) })
			if err != nil {
				yield(Object{}, Failed("list", u, err))
				return
			}
			for _, found := range page.Contents {
				o, err := objectOf(found, page.EncodingType == types.EncodingTypeUrl)
				if err == nil {
					err = o.check(URL{u.Bucket, o.Key})
				}
				if !yield(o, Failed("list", u, err)) || err != nil {
					return
				}
			}
		}
	}
}

func objectOf(found types.Object, encoded bool) (Object, error) {
	o := Object{Key: strings.Clone(aws.ToString(found.Key)), Size: aws.ToInt64(found.Size), ETag: unquoted(found.ETag)}
	if found.LastModified != nil {
		o.MTime = found.LastModified.UnixNano()
	}
	if !encoded {
		return o, nil
	}
	key, err := url.QueryUnescape(o.Key)
	o.Key = key
	return o, err
}

// check refuses what can't be counted.
func (o Object) check(u URL) error {
	wrong := ""
	switch {
	case o.ETag == "" || len(o.ETag) > 256 || strings.ContainsFunc(o.ETag, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }):
		wrong = "its ETag can't be used: it is empty, too long, or not of plain characters"
	case o.Size < 0 || strings.IndexByte(o.Key, 0) >= 0:
		wrong = "it has no possible size or key"
	default:
		return nil
	}
	return &fs.PathError{Op: "list", Path: u.String(), Err: errors.New(wrong)}
}

func unquoted(etag *string) string { return strings.Trim(strings.Clone(aws.ToString(etag)), `"`) }
