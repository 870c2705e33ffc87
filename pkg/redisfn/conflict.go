package redisfn

import "fmt"

// ConflictError is Load's refusal: the server has other code under the name of
// the library, an older or newer build perhaps, or somebody else's.
type ConflictError struct {
	Ours   Library // the one that was to be loaded
	Theirs Library // the one that is there
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("redisfn: library %s on the server is %s, ours is %s: run the build that matches, or replace it once nobody uses it",
		e.Theirs.Name, e.Theirs, e.Ours)
}
