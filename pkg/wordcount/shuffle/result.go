package shuffle

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// ResultVersion is the version of the format of a result file, and part of a job's identity. These are
// the bytes of version 1. Numbers have no sign, and their lowest byte comes first.
//
//	header, 88 bytes
//	   0   8  "mrresult"
//	   8   4  the version, 1
//	  12   4  R, the number of partitions, 1 to MaxPartitions
//	  16   4  the partition, from 0
//	  20  16  the name of the job
//	  36  26  the nonce of the run
//	  62  26  the name of the result file
//
//	blocks, which follow each other without a gap
//	   0   4  length of its words in bytes, at least 3
//	   4   8  XXH64 of the length and the words, with the XXH64 of the header + the block's number
//	          (from 0) as the seed
//	  12      its words. Each is a uvarint of encoding/binary with the number of its bytes, 1 to
//	          count.MaxWord; the bytes; and a uvarint with its count, at least 1
//
//	tail, 40 bytes
//	   0   8  words in all blocks
//	   8   8  tokens: the sum of the counts
//	  16   8  number of blocks
//	  24   8  XXH64 of header and the 24 bytes before, with the seed 0
//	  32   8  "mrresend"
//
// The words of a file are in the order of count.Entry.Before, each once. A block has more than 32 KiB
// only because of its last word.
//
// A map output has one checksum for each segment, and its reader drops everything after an error. The
// reader of a result shows each word at once. So each block is checked before a word of it is given
// out, and its seed says that it is the next block of this very file.
const ResultVersion = 1

const (
	resultStart = "mrresult"
	resultEnd   = "mrresend"

	resultHeaderSize = int64(len(resultStart) + 4 + 4 + 4 + jobLen + nonceLen + nonceLen)
	resultTailSize   = int64(8 + 8 + 8 + 8 + len(resultEnd))
	blockHeadSize    = 4 + 8
	blockSize        = 32 << 10
	blockMore        = 1 << 10 // its last word rarely takes more than that
	blockMax         = blockSize + 2*binary.MaxVarintLen64 + count.MaxWord
)

// resultHeader is the header of a result file.
func resultHeader(id identity, partition int) []byte {
	b := append(make([]byte, 0, resultHeaderSize), resultStart...)
	b = binary.LittleEndian.AppendUint32(b, ResultVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(id.partitions))
	b = binary.LittleEndian.AppendUint32(b, uint32(partition))
	b = append(b, id.job...)
	b = append(b, id.run...)
	return append(b, id.name...)
}

// checkResultHeader returns a loss if a header is not the one that it should be.
func checkResultHeader(is, should []byte) error {
	const at = len(resultStart)
	switch version := binary.LittleEndian.Uint32(is[at:]); {
	case string(is[:at]) != resultStart:
		return lost("it doesn't begin like a result file")
	case version != ResultVersion:
		return lost(fmt.Sprintf("it has version %d of the format, not %d", version, ResultVersion))
	case string(is) != string(should):
		return lost("its header is that of another result file")
	}
	return nil
}

// resultTail is what the tail of a result file says.
type resultTail struct{ words, tokens, blocks uint64 }

func (t resultTail) bytes(header []byte) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, resultTailSize), t.words)
	b = binary.LittleEndian.AppendUint64(b, t.tokens)
	b = binary.LittleEndian.AppendUint64(b, t.blocks)
	b = binary.LittleEndian.AppendUint64(b, indexSum(header, b))
	return append(b, resultEnd...)
}

func parseResultTail(b, header []byte) (resultTail, error) {
	t := resultTail{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}
	switch {
	case string(b[32:]) != resultEnd:
		return t, lost("it doesn't end like a result file")
	case string(t.bytes(header)) != string(b):
		return t, lost("the checksum of its tail is wrong")
	}
	return t, nil
}

// blockSum is the checksum of a block. seed is the checksum of the header.
func blockSum(seed, number uint64, length, words []byte) uint64 {
	d := xxhash.NewWithSeed(seed + number)
	d.Write(length)
	d.Write(words)
	return d.Sum64()
}
