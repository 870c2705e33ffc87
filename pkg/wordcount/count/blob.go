package count

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// BlobVersion is the first byte of every blob.
const BlobVersion = 1

// ErrBlob is wrapped by the errors of Merge.
var ErrBlob = errors.New("count: malformed blob")

// Pack encodes the table as one blob per partition, nil where a partition has
// no words.
func (t *Table) Pack(parts int) [][]byte {
	blobs, words := make([][]byte, parts), make([]uint64, parts)
	for w := range t.All() {
		words[Partition(w, parts)]++
	}
	for w, n := range t.All() {
		p := Partition(w, parts)
		b := blobs[p]
		if b == nil {
			b = binary.AppendUvarint([]byte{BlobVersion}, words[p])
		}
		b = binary.AppendUvarint(b, uint64(len(w)))
		b = append(b, w...)
		blobs[p] = binary.AppendUvarint(b, n)
	}
	return blobs
}

// Merge adds the counts of a blob, all of them or, if the blob isn't sound,
// none. Its errors wrap ErrBlob.
func (t *Table) Merge(blob []byte) error {
	if len(blob) == 0 {
		return fmt.Errorf("%w: empty", ErrBlob)
	}
	if blob[0] != BlobVersion {
		return fmt.Errorf("%w: version %d, this program reads %d", ErrBlob, blob[0], BlobVersion)
	}
	words, z := binary.Uvarint(blob[1:])
	if z <= 0 || words == 0 {
		return fmt.Errorf("%w: no words", ErrBlob)
	}
	rest := blob[1+z:]
	for b := rest; len(b) > 0 || words > 0; words-- {
		w, n, z := entry(b)
		if words == 0 || len(w) == 0 || n == 0 {
			return fmt.Errorf("%w: at byte %d of %d", ErrBlob, len(blob)-len(b), len(blob))
		}
		b = b[z:]
	}
	for b := rest; len(b) > 0; {
		w, n, z := entry(b)
		t.Add(w, n)
		b = b[z:]
	}
	return nil
}

// entry decodes the entry at the beginning of b; z is its length. An unsound
// one has no word.
func entry(b []byte) (word []byte, n uint64, z int) {
	size, i := binary.Uvarint(b)
	if i <= 0 || size > MaxWord || size > uint64(len(b)-i) {
		return nil, 0, 0
	}
	end := i + int(size)
	n, j := binary.Uvarint(b[end:])
	if j <= 0 {
		return nil, 0, 0
	}
	return b[i:end], n, end + j
}
