package worker

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

func TestFault75OnlyWhatS3DeniesIsOfThisHost(t *testing.T) {
	t.Parallel()
	const local, object = "/data/file", "s3://bucket/key"
	read := func(path string, err error) error {
		return unreadable(&fs.PathError{Op: "get", Path: path, Err: err})
	}
	silent := errors.New("S3 says nothing")
	for what, c := range map[string]struct {
		err error
		is  bool
	}{
		"a file is denied":      {read(local, fs.ErrPermission), true},
		"an object is denied":   {read(object, fs.ErrPermission), true},
		"a file can't be read":  {read(local, errors.New("an error")), true},
		"S3 is silent":          {read(object, silent), false},
		"a file has changed":    {unreadable(&input.ChangedError{Path: local}), true},
		"an object has changed": {unreadable(&input.ChangedError{Path: object}), false},
		"a file is damaged":     {unreadable(&input.DamagedError{File: input.File{Path: local}, Err: silent}), true},
		"an object is damaged":  {unreadable(&input.DamagedError{File: input.File{Path: object}, Err: silent}), false},
		"a file's window":       {unreadable(&input.WindowError{Path: local}), true},
		"an object's window":    {unreadable(&input.WindowError{Path: object}), false},
		"anything else":         {errors.New("an error"), false},
	} {
		if is := ofThisHost(c.err); is != c.is {
			t.Errorf("%s: %v", what, is)
		}
	}
}
