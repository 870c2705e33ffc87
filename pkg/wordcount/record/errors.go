package record

import "fmt"

// MaxRecord is the size in bytes of the largest record, without its line end.
const MaxRecord = 64 << 20

// Error is what is wrong with a record: it is too large, or, if strict, it has no value.
type Error struct {
	Offset int64 // of the record in the text
	Why    string
}

func (e *Error) Error() string { return fmt.Sprintf("record at byte %d: %s", e.Offset, e.Why) }
