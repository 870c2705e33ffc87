package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"syscall"
	"time"
)

// Copy appends a batch of another journal, in one write with the event Heard that says so. from is
// who has sent it. It returns false if the journal has no room for the events of workers any more.
func (j *Journal) Copy(from string, n uint64, records []Record) bool {
	if j == nil || !j.out.hasRoom(WorkerMost) {
		return false
	}
	var lines bytes.Buffer
	to := json.NewEncoder(&lines) // a line each
	for _, r := range append(records, Record{Time: time.Now(), Level: "INFO", Name: Heard, From: from, Seen: Seen{N: int(n)}}) {
		if to.Encode(r) != nil {
			return true
		}
	}
	j.out.Write(lines.Bytes())
	j.out.flush()
	return true
}

// Copied returns the last batch of each sender that a journal has. A journal that can't be read has
// none.
func Copied(path string) map[string]uint64 {
	last := map[string]uint64{}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return last
	}
	defer file.Close()
	mark := []byte(`"msg":"` + Heard + `"`) // in a text, its quotes would be escaped
	lines := bufio.NewReader(io.LimitReader(file, 2*SupervisorMost))
	for {
		line, err := lines.ReadBytes('\n')
		var r Record
		if bytes.Contains(line, mark) && json.Unmarshal(line, &r) == nil && r.N > 0 {
			last[r.From] = max(last[r.From], uint64(r.N))
		}
		if err != nil {
			return last
		}
	}
}
