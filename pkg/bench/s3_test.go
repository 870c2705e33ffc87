package bench

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	ours "github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
)

// bucket is that of the corpora.
const bucket = "corpus"

// downloads is how many objects are downloaded at once: enough for the connections never to wait for
// a next request.
const downloads = 8

// inS3 starts a server that has the files of a corpus, notes where they are, and returns the variables
// that name the server. The error says why there is no server.
func (b bench) inS3(ctx context.Context, c *corpusDir) (variables []string, err error) {
	if err := s3test.Build(); err != nil {
		return nil, err
	}
	server := s3test.Run(b.tb)
	for name, value := range server.Variables(server.Addr) {
		variables = append(variables, name+"="+value)
	}
	put := as(ctx, "upload", c.dir)
	put.Env = append(os.Environ(), variables...)
	if _, err := spend(ctx, put, nil); err != nil {
		return nil, err
	}
	c.url = ours.URL{Bucket: bucket}.String()
	return variables, nil
}

// upload puts the files of a folder into the bucket.
func upload(ctx context.Context, dir string) error {
	client, err := ours.Client(ctx)
	if err == nil {
		_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: new(bucket)})
	}
	if err != nil {
		return err
	}
	return eachFile(dir, func(path string) error {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: new(bucket), Key: new(filepath.Base(path)), Body: file})
		return err
	})
}

// download reads each object of the bucket to its end, several at once.
func download(ctx context.Context) error {
	client, err := ours.Client(ctx)
	if err != nil {
		return err
	}
	list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: new(bucket)}) // fewer than a page has
	if err != nil {
		return err
	}
	keys := make(chan string, len(list.Contents))
	for _, object := range list.Contents {
		keys <- *object.Key
	}
	close(keys)
	return each(downloads, func(int) (err error) {
		for key := range keys {
			out, getErr := client.GetObject(ctx, &s3.GetObjectInput{Bucket: new(bucket), Key: &key})
			if getErr != nil {
				return getErr
			}
			_, copyErr := io.Copy(io.Discard, out.Body)
			err = errors.Join(err, copyErr, out.Body.Close())
		}
		return err
	})
}
