package shuffle

import (
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// A Writer writes a map output. After an error nothing of the map output is left, and each call
// returns the same error. It isn't safe for concurrent use.
type Writer struct {
	draft
	id     identity
	footer []byte
	now    Written
}

// Written is what a map output holds.
type Written struct {
	Spills int
	Bytes  int64 // of the file
	Tokens uint64
}

// Create begins a map output. Its name is a fresh nonce: a name is never written to twice. The error
// is ErrNoMark or another one of the host, or ErrName.
func (r Run) Create(name string, partitions int) (*Writer, error) {
	id, path, err := r.output(name, partitions)
	if err != nil {
		return nil, err
	}
	d, err := r.draft(path, false)
	if err != nil {
		return nil, err
	}
	w := &Writer{draft: d, id: id}
	w.write(id.header()) // into the buffer
	return w, nil
}

// Add writes a spill: the words of a table, which stays as it is. A map output has MaxSpills at
// most. An empty table makes no spill.
func (w *Writer) Add(t *count.Table) error {
	if w.err != nil || t.Len() == 0 {
		return w.err
	}
	if w.now.Spills == MaxSpills {
		w.fail(fmt.Errorf("shuffle: %s: more than %d spills", w.path, MaxSpills))
		return w.err
	}
	for p, blob := range t.Pack(w.run.Partitioner(w.id.partitions)) {
		sum := segmentSum(w.now.Spills, p)
		sum.Write(blob.Bytes)
		w.write(blob.Bytes)
		w.footer = entry{length: uint64(len(blob.Bytes)), words: blob.Words, tokens: blob.Tokens, sum: sum.Sum64()}.append(w.footer)
	}
	w.now.Spills++
	w.now.Tokens += t.Tokens()
	return w.err
}

// Written returns what was added.
func (w *Writer) Written() Written {
	w.now.Bytes = w.bytes
	return w.now
}

// Finish ends the map output. Others can see it from then on.
func (w *Writer) Finish() (Written, error) {
	w.write(w.footer)
	w.write(tail(w.id.header(), w.footer))
	if err := w.finish(); err != nil {
		return Written{}, err
	}
	return w.Written(), nil
}
