package record

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// objects gives the values of the lines that begin in block[:stop].
func (r *Reader) objects(block []byte, stop int, tally *Tally, value func([]byte) error) (used int, err error) {
	f := &r.finder
	f.b = block[:len(block)+look]
	f.marks.open()
	for used < stop {
		i := space(f.b, used)
		if f.b[i] == '\n' { // an empty line is no record
			used = i + 1
			continue
		}
		tally.Records++
		if i = f.record(i); i >= 0 {
			i = space(f.b, i)
		}
		next := i + 1
		if i < 0 || f.b[i] != '\n' {
			f.fate = malformed
			next = used + bytes.IndexByte(block[used:], '\n') + 1
		}
		switch f.fate {
		case found:
			if f.tooLong(r.window.most) {
				return used, &Error{r.window.base + int64(used), "its " + r.format.field +
					fmt.Sprintf(" has more than %d bytes, and is not valid UTF-8", r.window.most/len("\ufffd"))}
			}
			err = value(f.found())
		case missing:
			err = r.lacks(&tally.Missing, used, func() string { return "it has no " + r.format.field })
		case null:
			err = r.lacks(&tally.Null, used, func() string { return "its " + r.format.field + " is null" })
		case nested:
			err = r.lacks(&tally.Nested, used, func() string {
				return "its " + r.format.field + " is an object or an array"
			})
		default:
			err = r.lacks(&tally.Malformed, used, func() string {
				var v json.RawMessage
				return "it is not valid JSON: " + json.Unmarshal(block[used:next], &v).Error()
			})
		}
		if err != nil {
			return used, err
		}
		used = next
	}
	return used, nil
}
