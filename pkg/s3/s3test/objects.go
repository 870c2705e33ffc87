package s3test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// clientAt asks the server at an address, whatever the variables of this process say, and so by no
// proxy.
func clientAt(addr string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + addr), Region: "us-east-1", UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: Access, SecretAccessKey: Secret}, nil
		}),
	})
}

func (s *Server) client() *s3.Client { return clientAt(s.Addr) }

// Bucket makes a bucket.
func (s *Server) Bucket(tb testing.TB, name string) {
	tb.Helper()
	if _, err := s.client().CreateBucket(tb.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		tb.Fatal(err)
	}
}

// Put writes an object.
func (s *Server) Put(tb testing.TB, bucket, key, content string) {
	tb.Helper()
	_, err := s.client().PutObject(tb.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		tb.Fatal(err)
	}
}

// Get reads an object as a whole.
func (s *Server) Get(tb testing.TB, bucket, key string) string {
	tb.Helper()
	out, err := s.client().GetObject(tb.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// Begin begins an upload that nobody finishes.
func (s *Server) Begin(tb testing.TB, bucket, key string) {
	tb.Helper()
	_, err := s.client().CreateMultipartUpload(tb.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		tb.Fatal(err)
	}
}

// Unfinished is how many uploads to a bucket are unfinished.
func (s *Server) Unfinished(tb testing.TB, bucket string) int {
	tb.Helper()
	out, err := s.client().ListMultipartUploads(tb.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		tb.Fatal(err)
	}
	return len(out.Uploads)
}
