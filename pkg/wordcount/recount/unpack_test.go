package recount

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// recounted recounts a folder of files, and says how many bytes were reported.
func recounted(tb testing.TB, dir string) (counts Counts, m plan.Manifest, read int64, err error) {
	tb.Helper()
	m, err = plan.Scan(tb.Context(), []string{dir}, "", plan.Options{})
	check.Must(tb, err)
	counts, _, err = Files(tb.Context(), m, plan.Counting{}, Share{}, func(n int64) { read = max(read, n) })
	return counts, m, read, err
}

func TestCompressedFilesAreRecountedByWhatIsInThem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a few words, ", 300_000) + strings.Repeat("x", 3<<20) + " some\u3000more"
	dir := check.Folder(t, map[string]string{
		"plain": long, "gzip": string(check.Gzip(t, long, "", long)), "zstd": string(check.Zstd(t, long, "", long)),
		"pzstd": "\x50\x2a\x4d\x18\x04\x00\x00\x00\x21\x00\x00\x00" + string(check.Zstd(t, long)) + "\x51\x2a\x4d\x18\x03\x00\x00\x00mid" + string(check.Zstd(t, "")),
		"bzip2": string(check.Bzip2),
	})
	got, m, read, err := recounted(t, dir)
	check.Must(t, err)
	want := Counts{}
	for text, times := range map[string]uint64{long: 2, long + long: 2, check.Bzip2Text(): 1} {
		for word := range strings.FieldsSeq(text) {
			want[word] += times
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d distinct words, want %d", len(got), len(want))
	}
	if read != m.Bytes {
		t.Errorf("%d of %d bytes were reported", read, m.Bytes)
	}
}

func TestVerifyRefusesAFileThatItCannotUnpack(t *testing.T) {
	t.Parallel()
	for as, whole := range map[input.Compression]string{
		input.Gzip: string(check.Gzip(t, "some words")), input.Zstd: string(check.Zstd(t, "some words")), input.Bzip2: string(check.Bzip2),
	} {
		for _, bad := range []string{whole[:len(whole)-1], whole + "B", whole + "\x00", whole[:len(whole)-4] + "abcd"} {
			dir := check.Folder(t, map[string]string{"a": bad})
			_, _, _, err := recounted(t, dir)
			check.IsError(t, err, protocol.ErrInput, fmt.Sprintf("%q: the standard library can't unpack its %v data: ", filepath.Join(dir, "a"), as))
		}
	}
}

func TestVerifyKnowsHowAFileIsCompressedAsThePlanDoes(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{
		"", "\x1f\x8b", "\x1f\x8b\x08", "\x1f\x8b\x07", "\x28\xb5\x2f\xfd", "\x28\xb5\x2f", "\x50\x2a\x4d\x18\x04\x00\x00\x00....\x28\xb5\x2f\xfd",
		"\x50\x2a\x4d\x18\x04\x00\x00\x00....\x28\xb5\x2f", "\x50\x2a\x4d\x18\x05\x00\x00\x00....\x28\xb5\x2f\xfd", "\x51\x2a\x4d\x18\x04\x00\x00\x00....\x28\xb5\x2f\xfd",
		"BZh91AY&SY", "BZh1\x17\x72\x45\x38\x50\x90", "BZh9", "BZh91AY&S", "BZh9 words and more",
	} {
		zeros := append([]byte(begin), make([]byte, 16)...)
		if is, planned := compressionOf(zeros[:16]), input.CompressionOf([]byte(begin)); is != planned {
			t.Errorf("%q is %v, and is planned as %v", begin, is, planned)
		}
	}
}

func TestAWindowThatTheStandardLibraryLacksIsSaid(t *testing.T) {
	t.Parallel()
	var random strings.Builder // what nothing but its own copy is like, 9 MiB later
	for i := range 1 << 10 {
		fmt.Fprintf(&random, "%x ", uint64(i+1)*0x9e3779b97f4a7c15)
	}
	text := random.String() + strings.Repeat("filler ", 9<<20/7) + random.String()
	for size, readable := range map[int]bool{8 << 20: true, 16 << 20: false} {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(size), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
		check.Must(t, err)
		_, err = io.WriteString(w, text)
		check.Must(t, err)
		check.Must(t, w.Close())
		dir := t.TempDir()
		check.Must(t, os.WriteFile(filepath.Join(dir, "a"), b.Bytes(), 0o600))
		_, _, _, err = recounted(t, dir)
		if readable {
			check.Must(t, err)
		} else {
			check.IsError(t, err, protocol.ErrInput, "can't unpack its zstd data", "8 MiB")
		}
	}
}

// FuzzBothDecodersAgree unpacks whatever begins like a compressed file with the decoders of workers and
// with those of verify. A text that both find in it must be the same.
func FuzzBothDecodersAgree(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 8 << 20
		file, as := input.File{Path: "/a", Size: int64(len(data))}, input.CompressionOf(data[:min(len(data), input.CompressionWithin)])
		if as == input.Plain {
			return
		}
		u := input.NewUnpacker(most)
		u.Reset(bytes.NewReader(data), file, as)
		counted, countErr := io.ReadAll(io.LimitReader(u, most))
		text, _, err := unpack(io.NewSectionReader(bytes.NewReader(data), 0, file.Size), file)
		check.Must(t, err)
		recounted, err := io.ReadAll(io.LimitReader(text, most))
		if err == nil && countErr == nil && !bytes.Equal(counted, recounted) {
			t.Errorf("%v of %d bytes: %d bytes were counted and %d recounted", as, len(data), len(counted), len(recounted))
		}
		if (err == nil) != (countErr == nil) && as != input.Zstd {
			t.Errorf("%v of %d bytes: counted with %v, recounted with %v", as, len(data), countErr, err)
		}
	})
}
