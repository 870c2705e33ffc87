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

	// countStep is how much of a split is counted before the table's size is looked at.
	countStep = 1 << 20 // bytes
)

// full tells whether the table must be emptied, for it might double next, and then hold more than half of the worker's
// memory for a moment. It isn't full because it is large: a table that was emptied keeps its size. The margin is as many
// words as a step is likely to bring, with the usual memory: one in every eight bytes.
func (w *Worker) full() bool { return w.table.Need(int(w.Memory/2048)) > int(w.Memory/2) }

// spilledMax is how much of one commit may be packed already, in bytes: it is sent in one piece.
func (w *Worker) spilledMax() int { return int(w.Memory / 16) }

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
