package count

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// BlobVersion is the first byte of a blob, and part of a job's identity.
//
// A blob of version 1 holds the words of one partition, at least one:
//
//	1 byte   the version, 1
//	uvarint  the number of words
//	and for each word, once, in any order:
//	  uvarint  the number of its bytes, 1 to MaxWord
//	  bytes    the word
//	  uvarint  its count, at least 1
//
// and nothing after that. A uvarint is that of encoding/binary: seven bits a
// byte, the lowest first, the highest bit set in all but the last.
const BlobVersion = 1

// ErrBlob is wrapped by the error of a blob that is not sound.
var ErrBlob = errors.New("count: malformed blob")

const headMax = 1 + binary.MaxVarintLen64 // bytes before the words of a blob

// A Blob is the words of one partition of a table.
type Blob struct {
	Bytes  []byte // nil: no words
	Words  uint64
	Tokens uint64 // the sum of their counts
}

// Pack encodes the table as one blob for each partition of a run.
//
// It goes through the table twice, and hashes each word once. The first time it measures the blobs, so
// that none of them must grow, for which there may be no memory.
func (t *Table) Pack(p Partitioner) []Blob {
	blobs, sizes := make([]Blob, p.parts), make([]int, p.parts)
	parts := make([]uint32, 0, t.Len()) // of each word
	for w, n := range t.All() {
		part := p.Of(w)
		parts = append(parts, uint32(part))
		sizes[part] += entrySize(w, n)
		blobs[part].Words++
		blobs[part].Tokens += n
	}
	total := 0
	for i, b := range blobs {
		if b.Words > 0 {
			sizes[i] += 1 + uvarintSize(b.Words)
		}
		total += sizes[i]
	}
	room := make([]byte, total)
	for i, size := range sizes {
		if b := &blobs[i]; size > 0 {
			b.Bytes = binary.AppendUvarint(append(room[:0:size], BlobVersion), b.Words)
			room = room[size:]
		}
	}
	for w, n := range t.All() {
		b := &blobs[parts[0]]
		parts = parts[1:]
		b.Bytes = binary.AppendUvarint(b.Bytes, uint64(len(w)))
		b.Bytes = append(b.Bytes, w...)
		b.Bytes = binary.AppendUvarint(b.Bytes, n)
	}
	return blobs
}

// Packed returns about the memory that Pack takes, in bytes, while it works.
func (t *Table) Packed() int { return t.Text() + t.Len()*8 }

// entrySize returns how many bytes a word and its count take in a blob.
func entrySize(w []byte, n uint64) int { return uvarintSize(uint64(len(w))) + len(w) + uvarintSize(n) }

func uvarintSize(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// mergeBatch adds a batch of the words at blob[i:], which are sound, and returns
// where the next one begins. Those that are not in a part are left out, unless it is nil.
func (t *Table) mergeBatch(blob []byte, i int, only *Part) int {
	var (
		edges  [2 * batchSize]uint32
		counts [batchSize]uint64
	)
	words, buf := 0, blob[i:]
	for base := i; words < batchSize && i < len(blob); {
		e := entry(blob, i)
		if e.start+16 > len(blob) { // too near the end to be loaded as a key
			break
		}
		i = e.next
		if only == nil || only.has(blob[e.start:e.end]) {
			edges[2*words], edges[2*words+1] = uint32(e.start-base), uint32(e.end-base)
			counts[words] = e.n
			words++
		}
	}
	if words == 0 {
		if i == len(blob) {
			return i
		}
		e := entry(blob, i)
		if only == nil || only.has(blob[e.start:e.end]) {
			t.Add(blob[e.start:e.end], e.n)
		}
		return e.next
	}
	t.prepare(buf, edges[:2*words])
	shorts, hashes := t.batch.short[:], t.batch.hash[:]
	for x, n := range counts[:words] {
		if w := buf[edges[2*x]:edges[2*x+1]]; len(w) > maxShort {
			t.long.add(w, hashes[0], n)
			hashes = hashes[1:]
		} else {
			t.short.addHome(&shorts[0], n)
			shorts = shorts[1:]
		}
		t.tokens += n
	}
	return i
}

// A packed is a word in a blob, and its count.
type packed struct {
	start, end int // of the word
	n          uint64
	next       int // where the next one begins; 0: this one isn't sound
}

func entry(b []byte, i int) packed {
	size, start := uvarint(b, i)
	if start == 0 || size == 0 || size > MaxWord || size > uint64(len(b)-start) {
		return packed{}
	}
	end := start + int(size)
	n, next := uvarint(b, end)
	if next == 0 || n == 0 {
		return packed{}
	}
	return packed{start, end, n, next}
}

// uvarint decodes the number at b[i:]; next is where it ends, or 0 if it isn't
// one.
func uvarint(b []byte, i int) (x uint64, next int) {
	if i < len(b) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	x, z := binary.Uvarint(b[i:])
	if z <= 0 {
		return 0, 0
	}
	return x, i + z
}
