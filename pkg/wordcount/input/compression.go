package input

import (
	"bytes"
	"encoding/binary"
)

// Compression says how the contents of a file are compressed. Their first bytes tell it, and not the
// name of the file.
type Compression uint8

// The compressions.
const (
	Plain Compression = iota // not compressed, or in a way that isn't known here
	Gzip                     // RFC 1952
	Zstd                     // RFC 8878
	Bzip2
)

var compressions = []string{Plain: "plain", Gzip: "gzip", Zstd: "zstd", Bzip2: "bzip2"}

// String is the name of the compression, in lower case.
func (c Compression) String() string { return compressions[c] }

// CompressionWithin is how many bytes at the beginning of a file tell how it is compressed.
const CompressionWithin = 16

// CompressionOf says how a file is compressed that begins so.
func CompressionOf(begin []byte) Compression {
	switch {
	case bytes.HasPrefix(begin, []byte("\x1f\x8b\x08")):
		return Gzip
	case bytes.HasPrefix(begin, []byte(zstdFrame)), pzstd(begin):
		return Zstd
	case bytes.HasPrefix(begin, []byte("BZh")) && len(begin) >= 10:
		// The size of the blocks follows, and the mark of a block or of the end: "BZh" may also begin
		// a text.
		if mark := string(begin[4:10]); mark == "\x31\x41\x59\x26\x53\x59" || mark == "\x17\x72\x45\x38\x50\x90" {
			return Bzip2
		}
	}
	return Plain
}

const (
	zstdFrame     = "\x28\xb5\x2f\xfd"
	zstdSkippable = 0x184d2a50
)

// pzstd reports whether a file begins as the program pzstd writes it: with a frame to skip that has
// four bytes, before the first frame.
func pzstd(begin []byte) bool {
	return len(begin) >= 16 && binary.LittleEndian.Uint32(begin) == zstdSkippable &&
		binary.LittleEndian.Uint32(begin[4:]) == 4 && string(begin[12:16]) == zstdFrame
}
