package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// ErrChanged reports that the object is not the version that was asked for.
var ErrChanged = errors.New("s3: another object took its place")

// ErrNoBucket reports that there is no such bucket.
var ErrNoBucket = fmt.Errorf("s3: there is no such bucket: %w", fs.ErrNotExist)

var (
	errCredentials = errors.New("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
	errSettings    = errors.New("the AWS_ variables or the files in ~/.aws can't be understood")
	errRange       = errors.New("S3 answers with another range")
	errPastEnd     = errors.New("the object ends before the range")
)

// noUpload is the code of an upload that is not there, or is finished.
const noUpload = "NoSuchUpload"

// Failed is the error of a call of the SDK, without anything that the server or the SDK says in its own
// words. It is an *fs.PathError, or nil.
func Failed(op string, u URL, err error) error {
	if err == nil {
		return nil
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path
	}
	return &fs.PathError{Op: op, Path: u.String(), Err: cause(err)}
}

// statusError is an answer of S3.
type statusError struct {
	status int
	code   string // a word of the protocol
	is     error  // what it means; may be nil
}

func (e statusError) Error() string {
	said := fmt.Sprintf("S3 says %d", e.status)
	if e.code != "" {
		said += " " + e.code
	}
	return said
}

func (e statusError) Unwrap() error { return e.is }

// hasCode reports whether err is an answer of S3 with a code.
func hasCode(err error, code string) bool {
	if err == nil {
		return false
	}
	e, ok := errors.AsType[statusError](cause(err))
	return ok && e.code == code
}

func cause(err error) error {
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, errCredentials, errSettings, errSilent, errRange, ErrChanged,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	if answered && response.HTTPStatusCode() >= 300 { // else S3 has said yes, and its answer can't be read
		e := statusError{status: response.HTTPStatusCode()}
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			e.code = word(api.ErrorCode())
		}
		switch e.status {
		case http.StatusForbidden, http.StatusUnauthorized:
			e.is = fs.ErrPermission
		case http.StatusNotFound:
			e.is = fs.ErrNotExist
			if e.code == "NoSuchBucket" {
				e.is = ErrNoBucket
			}
		case http.StatusRequestedRangeNotSatisfiable:
			e.is = errPastEnd
		case http.StatusPreconditionFailed:
			e.is = ErrChanged
		}
		return e
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSilent
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was cut") // io.EOF would mean the end of the object
	}
	if answered {
		return errors.New("the answer of S3 can't be read")
	}
	return errors.New("it can't be asked")
}

// word returns a code of the protocol, or "" if it is none.
func word(code string) string {
	if len(code) > 64 || strings.ContainsFunc(code, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.'
	}) {
		return ""
	}
	return code
}
