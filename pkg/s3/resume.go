package s3

import (
	"context"
	"errors"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	// resumes is how often in a row a body may break without a byte. The pause before the next try
	// doubles each time.
	resumes    = 6
	firstPause = 100 * time.Millisecond
)

// errBody is the error of an answer whose body broke.
type errBody struct{ error }

func (e errBody) Unwrap() error { return e.error }

// resume tries again what met a body that broke, until there was no progress several times in a row.
func resume(ctx context.Context, try func() (progress bool, err error)) error {
	pause := firstPause
	for tries := 1; ; tries++ {
		progress, err := try()
		if _, broke := errors.AsType[errBody](err); !broke || tries == resumes && !progress {
			return err
		}
		if progress {
			tries, pause = 0, firstPause
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// again makes a request that may come twice, and makes it again where S3 has said yes and its answer
// broke. The SDK does not. It asks again itself where an answer falls silent.
func again[T any](ctx context.Context, ask func() (T, error)) (answer T, err error) {
	err = resume(ctx, func() (progress bool, err error) {
		answer, err = ask()
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() < 300 && !errors.Is(cause(err), errSilent) {
			err = errBody{err}
		}
		return false, err
	})
	return answer, err
}
