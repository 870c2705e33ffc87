package record

// Tally says what became of records. Those that are in none of the other counts had a value.
type Tally struct {
	Records   uint64 // all of them
	Missing   uint64 // without the field
	Null      uint64 // the field is null
	Nested    uint64 // the field is an object or an array
	Malformed uint64 // no valid JSON or CSV
}

// Add adds another tally.
func (t *Tally) Add(more Tally) {
	t.Records += more.Records
	t.Missing += more.Missing
	t.Null += more.Null
	t.Nested += more.Nested
	t.Malformed += more.Malformed
}
