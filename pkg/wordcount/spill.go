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

// spilledMax is how much of one commit may be packed already, in bytes.
func (w *Worker) spilledMax() int { return int(w.Memory / 16) }

// spill packs the table, partition by partition, and empties it: a tenth of the memory holds the same counts.
func (w *Worker) spill() {
	if w.packed == nil {
		w.packed, w.nonce = make([][]byte, w.Job.Reducers), newNonce()
	}
	for p, blob := range w.table.Pack(w.Job.Reducers) {
		if blob != nil {
			if w.packed[p] == nil {
				w.packed[p] = []byte(w.nonce)
			}
			before := len(w.packed[p])
			w.packed[p] = append(binary.AppendUvarint(w.packed[p], uint64(len(blob))), blob...)
			w.spilled += len(w.packed[p]) - before
		}
	}
	w.table.Reset()
}

// frameVersion is the version of what a commit stores for a partition: a frame, which is blobs one after the other, each
// behind its length as a uvarint, and before it the nonce of the attempt. It is part of the job's name.
const frameVersion = 2

var errFrame = errors.New("partial counts are cut short")

// framesOf returns the frames that committed attempts have brought; what others have counts for nothing. An attempt brings one
// to a partition; a log that was torn may bring it back beside itself, when the attempt was sent again.
func framesOf(committed map[string]string, partials []string) (frames []string, err error) {
	seen := make(map[string]bool, len(partials))
	for _, partial := range partials {
		if len(partial) < nonceLen {
			return nil, errFrame
		}
		attempt := partial[:nonceLen]
		if _, counts := committed[attempt]; counts && !seen[attempt] {
			frames = append(frames, partial[nonceLen:])
		}
		seen[attempt] = true
	}
	return frames, nil
}

// blobs yields the blobs of one frame.
func blobs(frame string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for rest := []byte(frame); len(rest) > 0; {
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

// merge adds the partial counts of a frame to a table.
func merge(table *count.Table, frame string) error {
	for blob, err := range blobs(frame) {
		if err == nil {
			err = table.Merge(blob)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
