package check

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
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
