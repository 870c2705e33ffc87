package record

// fate is what the search for a field came to.
type fate uint8

const (
	found fate = iota
	missing
	null
	nested
	malformed
	partial // the record goes on behind the block
)
