package wordcount

import (
	"encoding/binary"
	"errors"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

const (
	// DefaultWorkerMemory bounds what a worker takes, in bytes.
	DefaultWorkerMemory = 256 << 20

	// countStep is how much of a split is counted before the table's size is looked at. It adds 24 MiB at the worst, if all
	// words are new.
	countStep = 4 << 20 // bytes
)

// tableMax is how large a table may get before it is packed: while it doubles it takes half as much again, and what was
// packed of a split of new words alone takes up to a third more than the split.
func (w *Worker) tableMax() int { return int(w.Memory / 8) }

// combineMax is how much may be uncommitted, counted and packed.
func (w *Worker) combineMax() int { return int(w.Memory / 4) }

// uncommitted is how much that is now, in bytes.
func (w *Worker) uncommitted() int { return w.table.Bytes() + w.spilled }

// spill packs the table, partition by partition, and empties it: a tenth of the memory holds the same counts.
func (w *Worker) spill() {
	if w.packed == nil {
		w.packed = make([][]byte, w.Job.Reducers)
	}
	for p, blob := range w.table.Pack(w.Job.Reducers) {
		if blob != nil {
			before := len(w.packed[p])
			w.packed[p] = append(binary.AppendUvarint(w.packed[p], uint64(len(blob))), blob...)
			w.spilled += len(w.packed[p]) - before
		}
	}
	w.table.Reset()
}

// frameVersion is the version of what a commit stores for a partition: blobs one after the other, each behind its length
// as a uvarint. It is part of the job's name.
const frameVersion = 1

var errFrame = errors.New("partial counts are cut short")

// blobs yields the blobs of one commit's partial counts of a partition.
func blobs(packed string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for rest := []byte(packed); len(rest) > 0; {
			n, width := binary.Uvarint(rest)
			if width <= 0 || n > uint64(len(rest)-width) {
				yield(nil, errFrame)
				return
			}
			blob := rest[width : width+int(n)]
			if !yield(blob, nil) {
				return
			}
			rest = rest[width+int(n):]
		}
	}
}

// merge adds the partial counts that one commit stored to a table.
func merge(table *count.Table, packed string) error {
	for blob, err := range blobs(packed) {
		if err == nil {
			err = table.Merge(blob)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
