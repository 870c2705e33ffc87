package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ReadAt fills p with the bytes of an object from off on, whichever version is there. Behind the end
// of the object it returns io.EOF. If the body breaks, it asks for what is left, several times, and
// returns the error of the last try.
func ReadAt(ctx context.Context, u URL, p []byte, off int64) (n int, err error) {
	err = resume(ctx, func() (progress bool, err error) {
		before := n
		err = get(ctx, u, fmt.Sprintf("bytes=%d-%d", off+int64(n), off+int64(len(p))-1), func(out *s3.GetObjectOutput) error {
			from, _, _, ok := rangeOf(out)
			if !ok || from != off+int64(n) {
				return errRange
			}
			read, err := io.ReadFull(out.Body, p[n:min(len(p), n+int(max(0, aws.ToInt64(out.ContentLength))))])
			n += read
			return err
		})
		return n > before, err
	})
	if errors.Is(err, errPastEnd) || err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, Failed("get", u, err)
}

// ReadEnd fills p with the last bytes of an object, and returns how many these are, and the size of the
// object.
func ReadEnd(ctx context.Context, u URL, p []byte) (n int, size int64, err error) {
	err = resume(ctx, func() (progress bool, err error) {
		n, size = 0, 0
		return false, get(ctx, u, "bytes=-"+strconv.Itoa(len(p)), func(out *s3.GetObjectOutput) error {
			from, to, total, ok := rangeOf(out)
			if !ok || to != total || to-from > int64(len(p)) {
				return errRange
			}
			n, size = int(to-from), total
			_, err := io.ReadFull(out.Body, p[:n])
			return err
		})
	})
	if errors.Is(err, errPastEnd) { // it is empty
		return 0, 0, nil
	}
	return n, size, Failed("get", u, err)
}

// get asks for a range of an object.
func get(ctx context.Context, u URL, bytes string, read func(*s3.GetObjectOutput) error) error {
	client, err := Client(ctx)
	if err != nil {
		return err
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &u.Bucket, Key: &u.Key, Range: &bytes})
	if err != nil {
		if errors.Is(cause(err), errPastEnd) {
			return errPastEnd
		}
		return err
	}
	defer out.Body.Close()
	if err := read(out); err != nil && !errors.Is(err, errRange) {
		return errBody{err}
	} else if err != nil {
		return err
	}
	io.CopyN(io.Discard, out.Body, 1) // the end of the body gives the connection back
	return nil
}

// rangeOf returns the range of bytes that an answer has, and the size of the whole object. The answer
// of a server that knows no ranges has all bytes.
func rangeOf(out *s3.GetObjectOutput) (from, to, size int64, ok bool) {
	length := aws.ToInt64(out.ContentLength)
	if out.ContentRange == nil {
		return 0, length, length, out.ContentLength != nil
	}
	_, err := fmt.Sscanf(strings.ToLower(*out.ContentRange), "bytes %d-%d/%d", &from, &to, &size)
	to++
	return from, to, size, err == nil && 0 <= from && from <= to && to <= size && to-from == length
}
