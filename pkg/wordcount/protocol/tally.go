package protocol

import (
	"fmt"
	"strconv"
	"strings"
)

// Tally is what became of the records of an input, and of its compressed files. It is for people, and
// for a recount: no step of the protocol looks at it. Since each task is in one output, the tallies of
// all outputs add up to that of the job.
type Tally struct {
	Records    uint64 `json:"records"`    // all of them, also those of the next four
	Missing    uint64 `json:"missing"`    // have no such field
	Null       uint64 `json:"null"`       // have null there
	Nested     uint64 `json:"nested"`     // have an object or an array there
	Malformed  uint64 `json:"malformed"`  // can't be read
	Compressed uint64 `json:"compressed"` // bytes of compressed files
	Unpacked   uint64 `json:"unpacked"`   // bytes that were in them
}

func (t *Tally) numbers() [7]*uint64 {
	return [...]*uint64{&t.Records, &t.Missing, &t.Null, &t.Nested, &t.Malformed, &t.Compressed, &t.Unpacked}
}

// Add adds another tally. No number exceeds maxTally.
func (t *Tally) Add(other Tally) {
	more := other.numbers()
	for i, n := range t.numbers() {
		*n = min(*n+*more[i], maxTally)
	}
}

// String is the tally as the library keeps it: without a space.
func (t Tally) String() string {
	if t == (Tally{}) {
		return "-"
	}
	var texts []string
	for _, n := range t.numbers() {
		texts = append(texts, strconv.FormatUint(min(*n, maxTally), 10))
	}
	return strings.Join(texts, ",")
}

// maxTally is the largest number in a tally: 15 digits, as the library takes them.
const maxTally = 1e15 - 1

// parseTally reads what String has written.
func parseTally(text string) (t Tally, err error) {
	if text == "-" {
		return t, nil
	}
	texts := strings.Split(text, ",")
	numbers := t.numbers()
	if len(texts) != len(numbers) {
		return t, fmt.Errorf("%q is no tally", text)
	}
	for i, n := range numbers {
		if *n, err = strconv.ParseUint(texts[i], 10, 64); err != nil || *n > maxTally {
			return Tally{}, fmt.Errorf("%q is no tally", text)
		}
	}
	return t, nil
}
