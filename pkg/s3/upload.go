package s3

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
)

// Upload writes an object. It is there with its last byte, or not at all. An error that write returns
// ends the upload, and is returned. Memory holds some parts of 8 MiB.
func Upload(ctx context.Context, u URL, write func(io.Writer) error) error {
	client, err := Client(ctx)
	if err != nil {
		return Failed("put", u, err)
	}
	// An upload that fails is taken back after ctx has ended, too.
	manager := transfermanager.New(client, func(o *transfermanager.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
	body, out := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := write(out)
		out.CloseWithError(err) // nil is the end of the object
		wrote <- err
	}()
	_, err = manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &u.Bucket, Key: &u.Key, Body: body})
	body.CloseWithError(Failed("put", u, err)) // ends write
	if writeErr := <-wrote; writeErr != nil {
		return writeErr
	}
	return Failed("put", u, err)
}
