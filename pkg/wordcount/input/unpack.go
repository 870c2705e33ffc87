package input

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// DamagedError reports that a compressed file can't be unpacked to its end: bytes of it are wrong,
// its end is missing, or something else follows its end.
type DamagedError struct {
	File   File
	As     Compression
	Offset int64 // compressed bytes that were read when it was noticed
	Cut    bool  // by a table, which may be what is damaged
	Err    error // of the decoder; not unwrapped: io.ReadFull's callers take io.ErrUnexpectedEOF for the end
}

func (e *DamagedError) Error() string {
	table := ""
	if e.Cut {
		table = ", or its table for seeking is wrong"
	}
	return fmt.Sprintf("%s: its %v data is damaged at byte %d of %d%s: %v",
		strconv.Quote(e.File.Path), e.As, e.Offset, e.File.Size, table, e.Err)
}

// WindowError reports that a zstd file can't be unpacked in the memory that there is for it.
type WindowError struct {
	Path string
	Room int64 // bytes
}

func (e *WindowError) Error() string {
	return fmt.Sprintf("%s: its zstd window is larger than the %d MiB that there are for it: give each worker more memory", strconv.Quote(e.Path), e.Room>>20)
}

// Unpacker unpacks files, one after the other. It keeps what it has allocated for the next file.
//
// It takes some 4 MiB, and the window of zstd. The windows of the others are small: 32 KiB for gzip,
// a block of 900 kB for bzip2. So a file that is small and unpacks to very much needs no more.
type Unpacker struct {
	window int64 // bytes; the largest of zstd
	file   File
	as     Compression
	cut    bool  // only some frames of the file are unpacked
	off    int64 // of the first of them
	source source
	buffer *bufio.Reader // of source
	gzip   gzip.Reader
	zstd   *zstd.Decoder
	stream io.Reader // of the file; nil: none
	err    error     // what every Read returns from now on
}

// NewUnpacker returns an Unpacker that refuses zstd files whose window has more than these bytes.
func NewUnpacker(window int64) *Unpacker { return &Unpacker{window: window} }

// source is the compressed file. It remembers an error of reading it, because a decoder may return
// another one instead.
type source struct {
	*io.SectionReader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	n, err = s.SectionReader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// sourceBuffer is how many bytes of a compressed file are read at once.
const sourceBuffer = 64 << 10

// Reset begins to unpack a file whose bytes r has. as is how the file is compressed. If the beginning is
// wrong, Read returns the error.
func (u *Unpacker) Reset(r io.ReaderAt, f File, as Compression) {
	u.cut = false
	u.reset(r, f, as, 0, f.Size)
}

// Frames is Reset for the frames of a zstd file from byte off to byte end. At their end, Read returns
// io.EOF if a frame ends there. If none does, the file, or the table that named the offsets, is damaged.
func (u *Unpacker) Frames(r io.ReaderAt, f File, off, end int64) {
	u.cut = true
	u.reset(r, f, Zstd, off, end)
}

func (u *Unpacker) reset(r io.ReaderAt, f File, as Compression, off, end int64) {
	u.file, u.as, u.off, u.stream = f, as, off, nil
	u.source = source{SectionReader: io.NewSectionReader(r, off, end-off)}
	if u.buffer == nil {
		u.buffer = bufio.NewReaderSize(nil, sourceBuffer)
	}
	u.buffer.Reset(&u.source)
	u.err = u.explain(u.begin())
}

// begin finds the decoder. Each decodes a series of members, streams or frames, one of them or more,
// and refuses anything else behind them.
func (u *Unpacker) begin() (err error) {
	switch u.as {
	case Gzip:
		u.stream = &u.gzip
		return u.gzip.Reset(u.buffer)
	case Bzip2:
		u.stream = bzip2.NewReader(u.buffer)
		return nil
	case Zstd:
		if u.zstd == nil {
			// Without concurrency it starts no goroutine. Its other limit, that of a window, is at
			// most the limit of memory.
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(u.window)))
			if err != nil {
				return err
			}
		}
		u.stream = u.zstd
		return u.zstd.Reset(u.buffer)
	}
	return fmt.Errorf("%v data can't be unpacked", u.as)
}

// Read reads the contents of the file. At their end, all checksums that the file has are right, and
// the error is io.EOF. Other errors are those of the io.ReaderAt, *DamagedError and *WindowError.
func (u *Unpacker) Read(p []byte) (n int, err error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err = u.stream.Read(p)
	if u.err = err; err != io.EOF {
		u.err = u.explain(err)
	}
	return n, u.err
}

// explain says what an error of a decoder means.
func (u *Unpacker) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case u.source.err != nil:
		return u.source.err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &WindowError{Path: u.file.Path, Room: u.window}
	}
	read, _ := u.source.Seek(0, io.SeekCurrent)
	return &DamagedError{File: u.file, As: u.as, Offset: u.off + read - int64(u.buffer.Buffered()), Cut: u.cut, Err: err}
}
