package shuffle

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// writeStep is how many bytes are written at once.
const writeStep = 256 << 10

// A Writer writes a map output. After an error nothing of the map output is left, and each call
// returns the same error. It isn't safe for concurrent use.
type Writer struct {
	run  Run
	id   identity
	path string

	upload Upload
	out    *bufio.Writer
	footer []byte
	now    Written
	err    error // sticky
}

// Written is what a map output holds.
type Written struct {
	Spills int
	Bytes  int64 // of the file
	Tokens uint64
}

var errEnded = errors.New("shuffle: the map output is finished or aborted")

// Create begins a map output. Its name is a fresh nonce: a name is never written to twice. The error
// is ErrNoMark or another one of the host, or ErrName.
func (r Run) Create(name string, partitions int) (*Writer, error) {
	id, path, err := r.output(name, partitions)
	if err != nil {
		return nil, err
	}
	if err := r.CheckMark(); err != nil {
		return nil, err
	}
	upload, err := r.store.place.Create(path)
	if err != nil {
		return nil, r.failed(path, err)
	}
	w := &Writer{run: r, id: id, path: path, upload: upload, out: bufio.NewWriterSize(upload, writeStep)}
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
func (w *Writer) Written() Written { return w.now }

// Finish ends the map output. Others can see it from then on.
func (w *Writer) Finish() (Written, error) {
	w.write(w.footer)
	w.write(tail(w.id.header(), w.footer))
	if w.err == nil {
		if err := w.out.Flush(); err != nil {
			w.fail(w.run.failed(w.path, err))
		}
	}
	if w.err == nil { // a run that was deleted meanwhile takes no file
		if err := w.run.CheckMark(); err != nil {
			w.fail(err)
		}
	}
	if w.err != nil {
		return Written{}, w.err
	}
	w.err = errEnded
	if err := w.upload.Finish(); err != nil {
		w.err = w.run.failed(w.path, err)
		return Written{}, w.err
	}
	return w.now, nil
}

// Abort deletes what was written, unless the map output is finished.
func (w *Writer) Abort() error {
	if w.err != nil {
		return nil
	}
	w.err = errEnded
	return w.run.removed(w.path, w.upload.Abort())
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(b)
	w.now.Bytes += int64(n)
	if err != nil {
		w.fail(w.run.failed(w.path, err))
	}
}

// fail deletes what was written. The first error counts, and not what this may meet.
func (w *Writer) fail(err error) {
	w.err = err
	w.upload.Abort()
}
