package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// silence is how long a read of a body may take. Tests make it shorter.
var silence = answerWithin

// errSilent is the error of a body that stands still.
var errSilent = silentError{}

type silentError struct{}

func (silentError) Error() string { return "S3 says nothing" }

// RetryableError makes the SDK repeat a request whose answer it reads itself, such as a listing.
func (silentError) RetryableError() bool { return true }

// listener ends requests whose answer falls silent. The SDK has no such limit for S3.
type listener struct{ s3.HTTPClient }

func (l listener) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	sending := time.AfterFunc(sendWithin, func() { cancel(errSilent) })
	answer, err := l.HTTPClient.Do(r.WithContext(ctx))
	sending.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
		cancel(nil)
		return answer, err
	}
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	timer.Stop() // until a read
	answer.Body = &body{answer.Body, ctx, cancel, timer}
	return answer, nil
}

// body is that of an answer. The time between two reads is the caller's.
type body struct {
	io.ReadCloser
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer // runs while a read waits
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(silence)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(b.ctx), errSilent) {
		err = errSilent
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.timer.Stop()
	b.cancel(nil)
	return err
}
