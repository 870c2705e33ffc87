package shuffle

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/cespare/xxhash/v2"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// A ResultWriter writes a result file. After an error nothing of it is left, and each call returns the
// same error. It isn't safe for concurrent use.
type ResultWriter struct {
	draft
	header []byte
	block  []byte // the words of the block that is being filled
	last   count.Entry
	now    resultTail
	file   ResultFile
}

// CreateResult begins a result file. Its name is a fresh nonce. The error is ErrNoMark or another one
// of the host, or ErrName.
func (r Run) CreateResult(name string, partition, partitions int) (*ResultWriter, error) {
	id, path, err := r.result(name, partition, partitions)
	if err != nil {
		return nil, err
	}
	return r.createSorted(id, path, ResultFile{Partition: partition, Name: name}, true)
}

// CreateSorted begins a file that is like a result file, but lies among the map outputs and goes with
// them: some sorted words, on their way to a result. Its name is a fresh nonce. The errors are those of
// CreateResult.
func (r Run) CreateSorted(name string, partitions int) (*ResultWriter, error) {
	id, path, err := r.output(name, partitions)
	if err != nil {
		return nil, err
	}
	return r.createSorted(id, path, ResultFile{Name: name}, false)
}

func (r Run) createSorted(id identity, path string, f ResultFile, durable bool) (*ResultWriter, error) {
	d, err := r.draft(path, durable)
	if err != nil {
		return nil, err
	}
	w := &ResultWriter{draft: d, header: resultHeader(id, f.Partition), file: f}
	w.write(w.header)
	return w, nil
}

// Fill adds all words and finishes the file. After an error, nothing of it is left.
func (w *ResultWriter) Fill(words iter.Seq2[count.Entry, error]) (ResultFile, error) {
	defer w.Abort() // does nothing after Finish
	for e, err := range words {
		if err == nil {
			err = w.Add(e)
		}
		if err != nil {
			return ResultFile{}, err
		}
	}
	return w.Finish()
}

// Add writes the next word, in the order of count.Entry.Before.
func (w *ResultWriter) Add(e count.Entry) error {
	if w.err != nil {
		return w.err
	}
	if w.now.words > 0 && !w.last.Before(e) {
		w.fail(fmt.Errorf("shuffle: %s: words are not in order", w.path))
		return w.err
	}
	w.last = e
	w.now.words, w.now.tokens = w.now.words+1, w.now.tokens+e.N
	w.block = binary.AppendUvarint(w.block, uint64(len(e.Word)))
	w.block = append(w.block, e.Word...)
	w.block = binary.AppendUvarint(w.block, e.N)
	if len(w.block) >= blockSize {
		w.endBlock()
	}
	return w.err
}

func (w *ResultWriter) endBlock() {
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(w.block)))
	w.write(length)
	w.write(binary.LittleEndian.AppendUint64(nil, blockSum(xxhash.Sum64(w.header), w.now.blocks, length, w.block)))
	w.write(w.block)
	w.block = w.block[:0]
	w.now.blocks++
}

// Finish ends the file. Others can see it from then on. A result file is on the disk then.
func (w *ResultWriter) Finish() (ResultFile, error) {
	if len(w.block) > 0 {
		w.endBlock()
	}
	w.write(w.now.bytes(w.header))
	if err := w.finish(); err != nil {
		return ResultFile{}, err
	}
	w.file.Words, w.file.Tokens = w.now.words, w.now.tokens
	return w.file, nil
}
