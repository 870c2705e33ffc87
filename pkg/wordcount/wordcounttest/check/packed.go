package check

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Gzip packs texts, each as a member of its own.
func Gzip(tb testing.TB, texts ...string) []byte {
	tb.Helper()
	return packed(tb, texts, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

// Zstd packs texts, each as a frame of its own.
func Zstd(tb testing.TB, texts ...string) []byte {
	tb.Helper()
	return packed(tb, texts, func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
	})
}

// frames packs texts without being made anew for each of them.
var frames = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
	if err != nil {
		panic(err)
	}
	return e
})

// Frame packs a text in one frame of zstd.
func Frame(text string) []byte { return frames().EncodeAll([]byte(text), nil) }

// Pieces cuts a text into pieces of so many bytes. The last one may have less.
func Pieces(text string, size int) (pieces []string) {
	for ; len(text) > size; text = text[size:] {
		pieces = append(pieces, text[:size])
	}
	return append(pieces, text)
}

// SeekableZstd packs texts, each in a frame of its own, and puts a table for seeking behind them.
func SeekableZstd(texts ...string) []byte {
	var all []byte
	var sizes []int
	for _, text := range texts {
		frame := Frame(text)
		all, sizes = append(all, frame...), append(sizes, len(frame))
	}
	return append(all, SeekTable(0, sizes...)...)
}

// SeekTable is a table for seeking that says which sizes frames have, with these flags. Where it says
// what is in the frames, it has zeros, which nobody may believe.
func SeekTable(flags byte, sizes ...int) []byte {
	var entries []byte
	for _, size := range sizes {
		entries = append(binary.LittleEndian.AppendUint32(entries, uint32(size)), 0, 0, 0, 0)
		if flags&0x80 != 0 {
			entries = append(entries, 0, 0, 0, 0) // a checksum
		}
	}
	table := binary.LittleEndian.AppendUint32(nil, 0x184d2a5e)
	table = binary.LittleEndian.AppendUint32(table, uint32(len(entries)+9))
	table = binary.LittleEndian.AppendUint32(append(table, entries...), uint32(len(sizes)))
	return binary.LittleEndian.AppendUint32(append(table, flags), 0x8f92eab1)
}

func packed(tb testing.TB, texts []string, packer func(io.Writer) (io.WriteCloser, error)) []byte {
	tb.Helper()
	var b bytes.Buffer
	for _, text := range texts {
		w, err := packer(&b)
		Must(tb, err)
		_, err = io.WriteString(w, text)
		Must(tb, errors.Join(err, w.Close()))
	}
	return b.Bytes()
}

// Bzip2 is Bzip2Text as the program bzip2 packs it, because Go has no packer: in three streams, one
// of several blocks, an empty one, and one more.
//
//go:embed testdata/text.bz2
var Bzip2 []byte

// Bzip2Text is a text of several blocks of bzip2 -1.
func Bzip2Text() string {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "common%d own%d\u00a0tail%d\n", i%7, i%1000, i%3)
	}
	return b.String()
}
