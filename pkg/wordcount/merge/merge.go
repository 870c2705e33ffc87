package merge

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

const (
	// ReadTries is how often a map output is read before it counts as lost.
	ReadTries = 3
	// readAgain is the pause before a map output is read again.
	readAgain = 50 * time.Millisecond
	// openMax is how many map outputs stay open. If there are more, each is opened anew for each
	// partition.
	openMax = 256
)

// Merger merges the map outputs of a job, partition by partition. It reads the list of them once.
// The list stays complete whatever happens to the job, so it serves all partitions, until a map
// output is lost.
type Merger struct {
	client protocol.Client
	room   int // bytes for a table of totals and what is made of it
	share  int // bytes that known may take; what was opened and is garbage may take as many

	// together says that partitions are merged together, as many as fit, because what they have in a
	// map output is one request then. It is slower where requests cost nothing, because a small table
	// stays in the CPU cache.
	together bool

	listed bool
	named  []named
	known  []*shuffle.Output // what is where in the first of them, as many as fit; the others are opened each time
	opened int               // bytes of what was opened since garbage was collected
	reader shuffle.Reader
}

// New returns a merger for a worker. bytes is the memory that the worker may use, and store is where it
// reads map outputs.
func New(client protocol.Client, bytes int64, store string) Merger {
	room := memory.Room(bytes) - backend.Room(store)
	return Merger{client: client, room: max(room, leastRoom), share: memory.ListRoom(bytes), together: backend.InS3(store)}
}

// named is a map output as it was committed.
type named struct {
	name   string
	tokens uint64
}

// LostError reports a map output that can't be read any more.
type LostError struct {
	Output string // its name
	err    error
}

func (e *LostError) Error() string { return e.err.Error() }
func (e *LostError) Unwrap() error { return e.err }

// span is some partitions that follow each other: those from first to before end.
type span struct{ first, end int }

func (s span) size() int { return s.end - s.first }

// merge fills a table with all partial counts of the words in a part of some partitions, and reports
// whether the table and its ranking fit into room bytes. If they don't, what the table holds is of no
// use. The error is a *LostError, the host's error shuffle.ErrHost, protocol.ErrPhase if maps are
// missing, or an error of Redis.
func (m *Merger) merge(ctx context.Context, run shuffle.Run, of string, partitions span, part count.Part, room int, table *count.Table) (fits bool, err error) {
	for try := 0; ; try++ {
		table.Reset()
		fits, err = m.mergeOnce(ctx, run, of, partitions, part, room, table)
		if !errors.Is(err, shuffle.ErrLost) || try == ReadTries-1 {
			return fits, err
		}
		if err := retry.Sleep(ctx, readAgain); err != nil {
			return false, err
		}
	}
}

func (m *Merger) mergeOnce(ctx context.Context, run shuffle.Run, of string, partitions span, part count.Part, room int, table *count.Table) (fits bool, err error) {
	if !m.listed {
		if err := m.list(ctx, run, of); err != nil {
			return false, err
		}
	}
	for i := range m.named {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		fits, err := m.mergeOutput(run, i, partitions, part, room, table)
		if !fits || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *Merger) mergeOutput(run shuffle.Run, i int, partitions span, part count.Part, room int, table *count.Table) (fits bool, err error) {
	var o *shuffle.Output
	if i < len(m.known) {
		o = m.known[i]
	} else if o, err = m.open(run, m.named[i]); err != nil {
		return false, err
	}
	if len(m.named) > openMax || i >= len(m.known) {
		defer o.Close()
	}
	for step, err := range m.reader.Partitions(o, partitions.first, partitions.end) {
		if err != nil {
			return false, m.failed(o.Name(), err)
		}
		if !table.MergePart(step, part, room) {
			return false, nil
		}
	}
	return true, nil
}

// list reads the list of map outputs, and what is where in each of them.
func (m *Merger) list(ctx context.Context, run shuffle.Run, of string) error {
	outputs, err := m.client.Outputs(ctx, of)
	if err != nil {
		return err
	}
	m.Forget()
	m.named = make([]named, len(outputs))
	for i, o := range outputs {
		m.named[i] = named{o.Name, o.Tokens}
	}
	size := 0
	for _, n := range m.named {
		o, err := m.open(run, n)
		if err != nil {
			return err
		}
		if size += o.Bytes(); size <= m.share {
			m.known = append(m.known, o)
		}
		if len(m.named) > openMax || size > m.share {
			o.Close()
		}
	}
	m.listed = true
	return nil
}

// open opens a map output, and compares it with what was committed.
func (m *Merger) open(run shuffle.Run, n named) (*shuffle.Output, error) {
	o, err := run.Open(n.name, m.client.Job.Reducers)
	if err != nil {
		return nil, m.failed(n.name, err)
	}
	if m.opened += 2 * o.Bytes(); m.opened > m.share { // opening it took as much again
		memory.Collect()
		m.opened = 0
	}
	if has := o.Written().Tokens; has != n.tokens {
		o.Close()
		return nil, protocol.Damaged("a map output has %d words, and %d were committed", has, n.tokens)
	}
	return o, nil
}

func (m *Merger) failed(output string, err error) error {
	if errors.Is(err, shuffle.ErrLost) {
		return &LostError{output, err}
	}
	return err
}

// Forget drops the list.
func (m *Merger) Forget() {
	for _, o := range m.known {
		o.Close()
	}
	m.listed, m.named, m.known = false, nil, nil
}
