package event

import (
	"bytes"
	"sync"
)

const (
	// BatchMost is how many bytes a batch may have. A line that is longer is in no batch.
	BatchMost  = 16 << 10
	outboxMost = 16 * BatchMost // that wait
)

// Outbox keeps what a process writes to its journal, for another journal. It is bounded: lines that
// find no room in it are only in the process's own journal. Several goroutines may call the methods.
type Outbox struct {
	mu    sync.Mutex
	waits []byte // lines that are in no batch yet
	next  Batch
}

// Batch is some lines of a journal.
type Batch struct {
	N     uint64 // which batch of its journal it is, from 1
	Lines string
}

func (o *Outbox) add(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(line) <= BatchMost && len(o.waits)+len(line) <= outboxMost {
		o.waits = append(o.waits, line...)
	}
}

// Next returns the next batch, and the same one again until Sent is called. ok is false if there is
// none.
func (o *Outbox) Next() (b Batch, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next.Lines == "" && len(o.waits) > 0 {
		n := len(o.waits)
		if n > BatchMost {
			n = bytes.LastIndexByte(o.waits[:BatchMost], '\n') + 1
		}
		o.next = Batch{o.next.N + 1, string(o.waits[:n])}
		o.waits = append(o.waits[:0], o.waits[n:]...)
	}
	return o.next, o.next.Lines != ""
}

// Sent drops the batch that Next has returned.
func (o *Outbox) Sent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next.Lines = ""
}
