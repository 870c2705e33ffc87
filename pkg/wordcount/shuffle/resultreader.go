package shuffle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

// resultReader reads a result file once, from its first word to its last. It holds one block.
type resultReader struct {
	run    Run
	path   string
	header []byte
	shut   bool // after each block, because there are very many files

	file   backend.Object // nil: not open
	tail   resultTail
	at     int64 // where the next block begins
	end    int64 // where the tail begins
	seen   resultTail
	block  string // what is left of it
	before count.Entry
}

// openResult opens a result file.
func (r Run) openResult(f ResultFile, partitions int, shut bool) (*resultReader, error) {
	id, path, err := r.result(f.Name, f.Partition, partitions)
	if err != nil {
		return nil, err
	}
	return r.openSorted(f, id, path, shut)
}

// openSorted opens a file of sorted words, and checks its header, its tail, and whether it is the one that
// was named.
func (r Run) openSorted(f ResultFile, id identity, path string, shut bool) (*resultReader, error) {
	reader := &resultReader{run: r, path: path, header: resultHeader(id, f.Partition), shut: shut, at: resultHeaderSize}
	err := reader.load()
	if err == nil && (reader.tail.words != f.Words || reader.tail.tokens != f.Tokens) {
		err = lost(fmt.Sprintf("it has %d words, %d of them distinct, and not %d and %d",
			reader.tail.tokens, reader.tail.words, f.Tokens, f.Words))
	}
	if err != nil {
		return nil, reader.failed(err)
	}
	if shut {
		reader.close()
	}
	return reader, nil
}

func (r *resultReader) load() error {
	if err := r.open(); err != nil {
		return err
	}
	size, err := r.file.Size()
	if err != nil {
		return err
	}
	r.end = size - resultTailSize
	if r.end < resultHeaderSize {
		return lost("it is shorter than header and tail")
	}
	header, tail := make([]byte, resultHeaderSize), make([]byte, resultTailSize)
	if err := readAt(r.file, header, 0); err != nil {
		return err
	}
	if err := checkResultHeader(header, r.header); err != nil {
		return err
	}
	if err := readAt(r.file, tail, r.end); err != nil {
		return err
	}
	r.tail, err = parseResultTail(tail, header)
	return err
}

// Next returns the next word. After the last one it returns io.EOF, if the file is what its tail says.
// An error is ErrLostResult, or the host's.
func (r *resultReader) Next() (count.Entry, error) {
	if r.block == "" {
		if r.at == r.end {
			r.close()
			if r.seen != r.tail {
				return count.Entry{}, r.failed(lost("its words don't add up"))
			}
			return count.Entry{}, io.EOF
		}
		if err := r.readBlock(); err != nil {
			return count.Entry{}, r.failed(err)
		}
	}
	e, err := r.take()
	if err != nil {
		return count.Entry{}, r.failed(err)
	}
	return e, nil
}

// readBlock reads the next block, and compares its checksum before anything else.
func (r *resultReader) readBlock() error {
	if err := r.open(); err != nil {
		return err
	}
	expected := r.end
	if r.shut { // this block alone
		expected = min(expected, r.at+blockHeadSize+blockSize+blockMore)
	}
	r.file.Expect(r.at, expected)
	var head [blockHeadSize]byte
	if r.end-r.at < int64(len(head)) {
		return lost("its last block is cut off")
	}
	if err := readAt(r.file, head[:], r.at); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(head[:4]))
	if length > blockMax || length > r.end-r.at-int64(len(head)) {
		return lost(fmt.Sprintf("block %d is longer than it can be", r.seen.blocks))
	}
	words := make([]byte, length)
	if err := readAt(r.file, words, r.at+int64(len(head))); err != nil {
		return err
	}
	if blockSum(xxhash.Sum64(r.header), r.seen.blocks, head[:4], words) != binary.LittleEndian.Uint64(head[4:]) {
		return lost(fmt.Sprintf("the checksum of block %d is wrong", r.seen.blocks))
	}
	if length == 0 {
		return lost(fmt.Sprintf("block %d is empty", r.seen.blocks))
	}
	r.at += int64(len(head)) + length
	r.block = string(words) // one string for all of its words
	r.seen.blocks++
	if r.shut {
		r.close()
	}
	return nil
}

// take takes a word from the block.
func (r *resultReader) take() (e count.Entry, err error) {
	if r.seen.words == r.tail.words {
		return e, lost("it has more words than it says")
	}
	size, rest := uvarint(r.block)
	if size == 0 || size > count.MaxWord || size > uint64(len(rest)) {
		return e, lost("a word is not sound")
	}
	e.Word, rest = rest[:size], rest[size:]
	if e.N, r.block = uvarint(rest); e.N == 0 {
		return e, lost("a count is not sound")
	}
	if r.seen.words > 0 && !r.before.Before(e) {
		return e, lost("its words are not in order")
	}
	r.before = e
	r.seen.words, r.seen.tokens = r.seen.words+1, r.seen.tokens+e.N
	return e, nil
}

// uvarint reads a number, and returns what follows. The number is 0 if there is none.
func uvarint(s string) (n uint64, rest string) {
	for i := range min(len(s), binary.MaxVarintLen64) {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, s[i+1:]
		}
	}
	return 0, ""
}

func (r *resultReader) open() (err error) {
	if r.file == nil {
		r.file, err = r.run.store.backend.Open(r.path)
	}
	return err
}

func (r *resultReader) close() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// failed closes the file, and gives an error its class. The mark says nothing here: it goes with the map
// outputs when a job is sealed, and the result files stay.
func (r *resultReader) failed(err error) error {
	r.close()
	if what, ok := errors.AsType[lost](err); ok {
		return fmt.Errorf("shuffle: %w: %s: %s", ErrLostResult, r.path, string(what))
	}
	return hostError(r.run.store.where, r.path, err)
}
