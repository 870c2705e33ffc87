package input

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// A zstd file may have a table for seeking at its end. It says how long each frame of the file is,
// and is itself in a frame that decoders skip:
//
//	magic, size of what follows                           4 and 4 bytes
//	of each frame: size, unpacked size, perhaps a checksum    4 bytes each
//	number of frames, flags, magic                        4, 1 and 4 bytes
//
// Numbers are little-endian. The format is contrib/seekable_format of github.com/facebook/zstd.
const (
	tableFrame  = 0x184d2a5e
	tableMagic  = 0x8f92eab1
	tableHeader = 8 // bytes
	tableFooter = 9
	tableEntry  = 8
	checksum    = 4

	hasChecksums  = 0x80 // in the flags
	reservedFlags = 0x7c
)

// Cuts returns the offsets at which a zstd file is cut into parts of whole frames, by the table at
// its end. A part has up to step bytes, or a single frame. The last one has the table, too. No cuts
// are returned if there is no table, or if the frames of the table and the table don't make up the
// file.
//
// The table may be wrong nevertheless. [Unpacker.Frames] notices that, if all parts are unpacked: a
// part that begins where a frame begins, and can be unpacked, ends where a frame ends.
//
// Nothing needs the unpacked sizes. The checksums aren't used, as zstd itself doesn't use them: what
// a file is counted as must not depend on whether it is cut. Frames may have checksums of their own,
// and those are checked.
func Cuts(file io.ReaderAt, size, step int64) ([]int64, error) {
	cuts, err := cut(file, size, step)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // the file has become shorter; its reader meets that
		return nil, nil
	}
	return cuts, err
}

func cut(file io.ReaderAt, size, step int64) (cuts []int64, err error) {
	var footer [tableFooter]byte
	if size < tableHeader+tableFooter {
		return nil, nil
	}
	if _, err := io.ReadFull(io.NewSectionReader(file, size-tableFooter, tableFooter), footer[:]); err != nil {
		return nil, err
	}
	frames, flags := int64(binary.LittleEndian.Uint32(footer[:])), footer[4]
	entry := make([]byte, tableEntry, tableEntry+checksum)
	if flags&hasChecksums != 0 {
		entry = entry[:cap(entry)]
	}
	table := tableHeader + frames*int64(len(entry)) + tableFooter
	if binary.LittleEndian.Uint32(footer[5:]) != tableMagic || flags&reservedFlags != 0 || table > size {
		return nil, nil
	}
	r := bufio.NewReaderSize(io.NewSectionReader(file, size-table, table), sourceBuffer)
	var header [tableHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(header[:]) != tableFrame || int64(binary.LittleEndian.Uint32(header[4:])) != table-tableHeader {
		return nil, nil
	}
	begin, at := int64(0), int64(0) // of the part and of the frame
	for range frames {
		if _, err := io.ReadFull(r, entry); err != nil {
			return nil, err
		}
		frame := int64(binary.LittleEndian.Uint32(entry))
		if at > begin && at+frame-begin > step {
			cuts = append(cuts, at)
			begin = at
		}
		if at += frame; at > size-table { // so the file bounds the number of cuts
			return nil, nil
		}
	}
	if at < size-table {
		return nil, nil
	}
	return cuts, nil
}
