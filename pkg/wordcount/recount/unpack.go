package recount

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

// unpack returns the contents of a file, by the decoders of the standard library. Workers use others
// of gzip and zstd. Of bzip2 there is one good decoder in Go, which both use. How a file is compressed
// is found out anew, too.
func unpack(file *io.SectionReader, f input.File) (text io.Reader, as input.Compression, err error) {
	begin := make([]byte, 16)
	if _, err := io.ReadFull(file, begin); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, input.Plain, err
	}
	as = compressionOf(begin)
	file.Seek(0, io.SeekStart) // never fails
	d := &decoding{path: f.Path, as: as}
	switch as {
	case input.Gzip:
		d.text, d.err = gzip.NewReader(bufio.NewReader(file))
	case input.Bzip2:
		d.text = bzip2.NewReader(bufio.NewReader(file))
	case input.Zstd:
		d.text, d.err = zstdReader(file)
	default:
		return file, as, nil
	}
	return d, as, nil
}

// compressionOf says how a file is compressed that begins so. Zero bytes follow a short file.
func compressionOf(begin []byte) input.Compression {
	magic := binary.BigEndian.Uint32(begin)
	switch skipped := "\x50\x2a\x4d\x18\x04\x00\x00\x00"; { // a frame of four bytes, as pzstd writes it
	case bytes.HasPrefix(begin, []byte(skipped)):
		magic = binary.BigEndian.Uint32(begin[len(skipped)+4:])
	case magic>>8 == 0x425a68 && (string(begin[4:10]) == "1AY&SY" || string(begin[4:10]) == "\x17rE8P\x90"):
		return input.Bzip2
	case magic>>8 == 0x1f8b08:
		return input.Gzip
	}
	if magic == 0x28b52ffd {
		return input.Zstd
	}
	return input.Plain
}

// zstdReader returns what is in a zstd file. The standard library has a decoder of its own, which it
// uses for the sections of ELF files alone. So this is such a section: the headers of ELF, and behind
// them the file. Its windows have at most 8 MiB.
func zstdReader(file *io.SectionReader) (io.Reader, error) {
	const first = 64 + 2*64 // where the section begins: behind the file's header, and two of sections
	compressed := elf.Chdr64{Type: uint32(elf.COMPRESS_ZSTD)}
	var headers bytes.Buffer
	for _, header := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_REL), Version: uint32(elf.EV_CURRENT), Shoff: 64, Ehsize: 64, Shentsize: 64, Shnum: 2,
		},
		elf.Section64{},
		elf.Section64{
			Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_COMPRESSED), Off: first,
			Size: uint64(binary.Size(compressed)) + uint64(file.Size()),
		},
		compressed,
	} {
		binary.Write(&headers, binary.LittleEndian, header) // never fails
	}
	f, err := elf.NewFile(behind{headers.Bytes(), file})
	if err != nil {
		return nil, err
	}
	return f.Sections[1].Open(), nil
}

// behind is a file with something in front of it.
type behind struct {
	front []byte
	file  io.ReaderAt
}

func (b behind) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(b.front)) {
		n = copy(p, b.front[off:])
		p, off = p[n:], int64(len(b.front))
	}
	if len(p) == 0 {
		return n, nil
	}
	more, err := b.file.ReadAt(p, off-int64(len(b.front)))
	return n + more, err
}

// decoding is the contents of a compressed file. Its errors say which file it is.
type decoding struct {
	text io.Reader
	path string
	as   input.Compression
	err  error // of the beginning
}

func (d *decoding) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.explain(d.err)
	}
	n, err = d.text.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, d.explain(err)
}

// explain hides an error of a decoder in a text, because io.ErrUnexpectedEOF means the end to
// io.ReadFull.
func (d *decoding) explain(err error) error {
	more := ""
	if d.as == input.Zstd {
		more = " (windows of more than 8 MiB are unknown to it)"
	}
	return fmt.Errorf("%q: the standard library can't unpack its %v data: %s%s", d.path, d.as, err.Error(), more)
}
