package redisfn

import (
	"errors"
	"fmt"
)

// ErrConflict says that the server has other code under the library's name. The error is also a
// *ConflictError.
var ErrConflict = errors.New("redisfn: other code under this name")

// ConflictError is the refusal of Load: the server has other code under the library's name, such as
// an older or newer build, or a library of somebody else. It is ErrConflict.
type ConflictError struct {
	Ours   Library // the one to load
	Theirs Library // the one on the server
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("redisfn: library %s on the server is %s, ours is %s: run the build that matches, or replace it once nobody uses it",
		e.Theirs.Name, e.Theirs, e.Ours)
}

// Is makes errors.Is find ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
