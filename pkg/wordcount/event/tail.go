package event

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"syscall"
)

// Tail reads a journal while others write it. It is for one goroutine.
type Tail struct {
	Path string

	at int64 // what was read
}

// tailMost is how many bytes one call of Next reads at most.
const tailMost = 1 << 20

// Next returns the events that were written since the last call. A journal that can't be read has
// none.
func (t *Tail) Next() (records []Record) {
	file, err := os.OpenFile(t.Path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() < t.at {
		t.at = 0 // it is another one
	}
	text, err := io.ReadAll(io.NewSectionReader(file, t.at, tailMost))
	if err != nil {
		return nil
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	t.at += int64(whole)
	if whole == 0 && len(text) == tailMost { // a line that is too long is passed over
		t.at += tailMost
	}
	for line := range bytes.Lines(text[:whole]) {
		var r Record
		if json.Unmarshal(line, &r) == nil && r.Name != "" {
			records = append(records, r)
		}
	}
	return records
}
