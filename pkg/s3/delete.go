package s3

import (
	"context"
	"errors"
	"io/fs"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// deletePage is how many objects one request deletes. S3 takes no more.
const deletePage = 1000

// Delete deletes an object. That there is none is no error.
func Delete(ctx context.Context, u URL) error {
	client, err := Client(ctx)
	if err == nil {
		_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	}
	return unlessGone("delete", u, err)
}

// DeleteAll deletes all objects whose keys begin with that of u, and takes back all unfinished uploads
// to such keys.
func DeleteAll(ctx context.Context, u URL) error {
	page := make([]types.ObjectIdentifier, 0, deletePage)
	for o, err := range List(ctx, u) {
		if err == nil {
			page = append(page, types.ObjectIdentifier{Key: &o.Key})
			if len(page) == deletePage {
				err = deleteObjects(ctx, u, page)
				page = page[:0]
			}
		}
		if err != nil {
			return unlessGone("delete", u, err)
		}
	}
	err := deleteObjects(ctx, u, page)
	if err == nil {
		err = abortAll(ctx, u)
	}
	return unlessGone("delete", u, err)
}

func deleteObjects(ctx context.Context, u URL, page []types.ObjectIdentifier) error {
	if len(page) == 0 {
		return nil
	}
	client, err := Client(ctx)
	if err != nil {
		return err
	}
	out, err := again(ctx, func() (*s3.DeleteObjectsOutput, error) {
		return client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &u.Bucket, Delete: &types.Delete{Objects: page, Quiet: aws.Bool(true)},
		})
	})
	if err != nil {
		return err
	}
	for _, failed := range out.Errors {
		if code := word(aws.ToString(failed.Code)); code != "NoSuchKey" {
			return &fs.PathError{Op: "delete", Path: URL{u.Bucket, aws.ToString(failed.Key)}.String(), Err: errors.New("S3 says " + code)}
		}
	}
	return nil
}

// abortAll takes back the unfinished uploads to keys that begin with that of u.
func abortAll(ctx context.Context, u URL) error {
	client, err := Client(ctx)
	if err != nil {
		return err
	}
	pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{
		Bucket: &u.Bucket, Prefix: &u.Key, EncodingType: types.EncodingTypeUrl,
	})
	for pages.HasMorePages() {
		page, err := again(ctx, func() (*s3.ListMultipartUploadsOutput, error) { return pages.NextPage(ctx) })
		if err != nil {
			return err
		}
		for _, upload := range page.Uploads {
			key := aws.ToString(upload.Key)
			if page.EncodingType == types.EncodingTypeUrl {
				if key, err = url.QueryUnescape(key); err != nil {
					return err
				}
			}
			if err := abort(ctx, URL{u.Bucket, key}, upload.UploadId); err != nil {
				return err
			}
		}
	}
	return nil
}

// unlessGone is Failed, but that a bucket is not there is no error.
func unlessGone(op string, u URL, err error) error {
	if err = Failed(op, u, err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
