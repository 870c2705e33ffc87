package s3

import (
	"errors"
	"strings"
)

// Scheme is what the path of an object begins with.
const Scheme = "s3://"

// URL is where an object is, or where several are whose keys begin so.
type URL struct {
	Bucket string
	Key    string // any text without a zero byte; "" is every object of the bucket
}

// Parse reads s3://bucket/key. Everything behind the bucket's slash is the key, as it is.
func Parse(text string) (u URL, err error) {
	rest, ok := strings.CutPrefix(text, Scheme)
	u.Bucket, u.Key, _ = strings.Cut(rest, "/")
	if !ok || u.Bucket == "" || strings.ContainsAny(u.Bucket, " \t\r\n\x00?#@:\\*[]{}") {
		return u, errors.New("write s3://bucket/key")
	}
	if strings.IndexByte(u.Key, 0) >= 0 {
		return u, errors.New("the key has a zero byte")
	}
	return u, nil
}

func (u URL) String() string { return Scheme + u.Bucket + "/" + u.Key }
