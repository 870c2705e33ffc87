package worker

import (
	"errors"
	"io/fs"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/record"
)

// unreadableError reports that a file of a task can't be read.
type unreadableError struct{ err error }

func (e unreadableError) Error() string { return "can't read input: " + input.Describe(e.err) }
func (e unreadableError) Unwrap() error { return e.err }

// unreadable marks err as an error of reading a file, unless err says that the file has changed.
func unreadable(err error) error {
	if _, changed := errors.AsType[*input.ChangedError](err); changed {
		return err
	}
	return unreadableError{err}
}

// ofFile reports whether err says that a file can't be read, or can't be unpacked.
func ofFile(err error) bool {
	_, unread := errors.AsType[*fs.PathError](err)
	_, damaged := errors.AsType[*input.DamagedError](err)
	_, large := errors.AsType[*input.WindowError](err)
	return unread || damaged || large
}

// causeOf returns what the dead letter of a task says about an error.
func causeOf(err error) protocol.Cause {
	cause := protocol.Cause{Code: protocol.Failed, Text: err.Error()}
	if changed, ok := errors.AsType[*input.ChangedError](err); ok {
		cause.Code = protocol.Changed
		if changed.Grew {
			cause.Code = protocol.Grew
		}
	} else if _, ok := errors.AsType[unreadableError](err); ok {
		cause.Code = protocol.Unreadable
	} else if _, ok := errors.AsType[*record.Error](err); ok {
		cause.Code = protocol.BadRecord
	} else if _, ok := errors.AsType[*count.WordTooLongError](err); ok {
		cause.Code = protocol.TooLong
	}
	return cause
}

// ofThisHost reports whether err may be the fault of this host's files alone. S3 is the same for all
// hosts, but it may allow them different things.
func ofThisHost(err error) bool {
	if input.InS3(pathOf(err)) {
		return errors.Is(err, fs.ErrPermission)
	}
	_, changed := errors.AsType[*input.ChangedError](err)
	_, unread := errors.AsType[unreadableError](err)
	return changed || unread
}

// pathOf returns the path of the file that err is about, or "".
func pathOf(err error) string {
	if e, ok := errors.AsType[*input.ChangedError](err); ok {
		return e.Path
	}
	if e, ok := errors.AsType[*input.DamagedError](err); ok {
		return e.File.Path
	}
	if e, ok := errors.AsType[*input.WindowError](err); ok {
		return e.Path
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Path
	}
	return ""
}
