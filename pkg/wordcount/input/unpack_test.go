package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"

	"github.com/klauspost/compress/zstd"
)

// unpacked unpacks a file that has these bytes.
func unpacked(u *Unpacker, data []byte) (text string, err error) {
	return unpackedAs(u, asOf(data), data)
}

// unpackedAs unpacks data that may be too short to tell what it is.
func unpackedAs(u *Unpacker, as Compression, data []byte) (text string, err error) {
	u.Reset(bytes.NewReader(data), fileOf(data), as)
	all, err := io.ReadAll(u)
	return string(all), err
}

func fileOf(data []byte) File { return File{Path: "/a b", Size: int64(len(data))} }

func asOf(data []byte) Compression { return CompressionOf(data[:min(len(data), CompressionWithin)]) }

const fewText = "a few words, a few words\n"

// few is fewText as the programs gzip, zstd and bzip2 pack it.
var few = map[Compression]string{
	Gzip:  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x54\x48\x4b\x2d\x57\x28\xcf\x2f\x4a\x29\xd6\x51\x48\x44\x70\xb8\x00\x26\x58\xac\xcd\x19\x00\x00\x00",
	Zstd:  "\x28\xb5\x2f\xfd\x04\x68\xa5\x00\x00\x70\x61\x20\x66\x65\x77\x20\x77\x6f\x72\x64\x73\x2c\x20\x0a\x01\x00\x60\xcc\x2f\xa5\x95\xca\x9b",
	Bzip2: "BZh9\x31\x41\x59\x26\x53\x59\xd3\x4a\xd4\x78\x00\x00\x04\x51\x80\x00\x10\x40\x04\x27\x00\x98\x80\x20\x00\x21\x2a\x1e\x9a\x86\xd0\x80\x69\xa6\x8b\x54\x41\x37\x0b\x10\xc8\x59\x0a\x30\x5d\xc9\x14\xe1\x42\x43\x4d\x2b\x51\xe0",
}

// nothing is a member, a frame and a stream without anything in it.
var nothing = map[Compression]string{
	Gzip:  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	Zstd:  "\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00\x99\xe9\xd8\x51",
	Bzip2: "BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00",
}

func TestACompressedFileIsItsMembersOneAfterTheOther(t *testing.T) {
	t.Parallel()
	long := strings.Join(randomWords(1, 300_000), " ")
	u := NewUnpacker(8 << 20)
	type file struct {
		as         Compression
		data, text string
	}
	files := map[string]file{
		"gzip of Go":            {Gzip, string(check.Gzip(t, long, "", "more")), long + "more"},
		"zstd of Go":            {Zstd, string(check.Zstd(t, long, "", "more")), long + "more"},
		"bzip2 in three":        {Bzip2, string(check.Bzip2), check.Bzip2Text()},
		"zstd as of pzstd":      {Zstd, "\x50\x2a\x4d\x18\x04\x00\x00\x00\x21\x00\x00\x00" + few[Zstd], fewText},
		"zstd, then a skipped":  {Zstd, few[Zstd] + "\x5f\x2a\x4d\x18\x05\x00\x00\x00table", fewText},
		"zstd with two skipped": {Zstd, few[Zstd] + "\x50\x2a\x4d\x18\x00\x00\x00\x00\x53\x2a\x4d\x18\x01\x00\x00\x00\x00" + few[Zstd], fewText + fewText},
	}
	for _, as := range []Compression{Gzip, Zstd, Bzip2} {
		files[as.String()] = file{as, few[as], fewText}
		files[as.String()+" of nothing"] = file{as, nothing[as], ""}
		files[as.String()+" of many"] = file{as, nothing[as] + few[as] + nothing[as] + nothing[as] + few[as] + nothing[as], fewText + fewText}
	}
	for what, f := range files {
		if as := asOf([]byte(f.data)); as != f.as {
			t.Errorf("%s is taken for %v", what, as)
		}
		if text, err := unpacked(u, []byte(f.data)); err != nil || text != f.text {
			t.Errorf("%s: %d bytes, %v; want %d", what, len(text), err, len(f.text))
		}
	}
}

// randomWords are n words that hardly repeat, so that little of them can be compressed.
func randomWords(seed uint64, n int) (words []string) {
	random := rand.New(rand.NewPCG(seed, 0))
	for range n {
		words = append(words, fmt.Sprintf("%x", random.Uint64()>>random.IntN(60)))
	}
	return words
}

func TestFault76AFileThatIsCutAnywhereIsDamaged(t *testing.T) {
	t.Parallel()
	u := NewUnpacker(8 << 20)
	for as, member := range few {
		data := []byte(member + nothing[as] + member)
		for size := 1; size < len(data); size++ {
			text, err := unpackedAs(u, as, data[:size])
			if size == len(member) || size == len(member)+len(nothing[as]) { // nobody can tell
				if err != nil || text != fewText {
					t.Errorf("%v of %d bytes: %q, %v", as, size, text, err)
				}
				continue
			}
			isDamaged(t, err, as, size)
		}
	}
}

// isDamaged checks that an error says, in one line, that a file is damaged, and where.
func isDamaged(t *testing.T, err error, as Compression, size int) {
	t.Helper()
	damaged, ok := errors.AsType[*DamagedError](err)
	if !ok {
		t.Errorf("%v of %d bytes: %v", as, size, err)
		return
	}
	where := fmt.Sprintf(`"/a b": its %v data is damaged at byte %d of %d: `, as, damaged.Offset, size)
	if damaged.Offset < 0 || damaged.Offset > int64(size) || !strings.HasPrefix(err.Error(), where) || strings.Contains(err.Error(), "\n") {
		t.Errorf("it says %q, and not %s", err, where)
	}
}

func TestFault76ADamagedFileHasItsTextOrAnError(t *testing.T) {
	t.Parallel()
	u := NewUnpacker(8 << 20)
	for as, member := range few {
		found := 0
		for bit := range 8 * len(member) {
			data := []byte(member + member)
			data[bit/8] ^= 1 << (bit % 8)
			text, err := unpackedAs(u, as, data)
			if err == nil && text == fewText+fewText {
				continue // the name of a file, or its time
			}
			if _, large := errors.AsType[*WindowError](err); large {
				found++
				continue
			}
			found++
			isDamaged(t, err, as, len(data))
		}
		if found < 6*len(member) {
			t.Errorf("%v: %d bits of %d were noticed", as, found, 8*len(member))
		}
	}
}

func TestFault76WhateverFollowsTheEndIsDamage(t *testing.T) {
	t.Parallel()
	u := NewUnpacker(8 << 20)
	for as, member := range few {
		for _, more := range []string{"\x00", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "B", "BZ", "BZh", "\x1f", "\x1f\x8b\x08", "\x28", "\x28\xb5\x2f\xfd", "\n", "text"} {
			data := []byte(member + more)
			text, err := unpacked(u, data)
			isDamaged(t, err, as, len(data))
			if text != fewText {
				t.Errorf("%v before %q: %q", as, more, text)
			}
		}
		for other, strange := range few {
			if other != as {
				_, err := unpacked(u, []byte(member+strange))
				isDamaged(t, err, as, len(member)+len(strange))
			}
		}
	}
}

func TestAWindowIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Join(randomWords(2, 600_000), " ")
	pack := func(size int, single bool) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(size), zstd.WithSingleSegment(single))
		check.Must(t, err)
		if single {
			return w.EncodeAll([]byte(long), nil)
		}
		_, err = io.WriteString(w, long)
		check.Must(t, errors.Join(err, w.Close()))
		return b.Bytes()
	}
	for what, data := range map[string][]byte{"of a window": pack(2<<20, false), "of one segment": pack(16<<20, true)} {
		_, err := unpacked(NewUnpacker(1<<20), data)
		if large, ok := errors.AsType[*WindowError](err); !ok || !strings.Contains(err.Error(), `"/a b": its zstd window is larger than the 1 MiB`) {
			t.Errorf("%s: %v, %+v", what, err, large)
		}
		if text, err := unpacked(NewUnpacker(8<<20), data); err != nil || text != long {
			t.Errorf("%s: %d bytes, %v", what, len(text), err)
		}
	}
}

// sick is a file that can't be read from an offset on.
type sick struct {
	io.ReaderAt
	from int64
}

var errSick = &fs.PathError{Op: "read", Path: "/a b", Err: errors.New("input/output error")}

func (s sick) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.from {
		return 0, errSick
	}
	return s.ReaderAt.ReadAt(p, off)
}

func TestAFileThatCannotBeReadIsNotCalledDamaged(t *testing.T) {
	t.Parallel()
	long := strings.Join(randomWords(3, 100_000), " ")
	skipped := few[Zstd] + "\x50\x2a\x4d\x18\x00\x00\x10\x00" + strings.Repeat("x", 1<<20)
	for what, data := range map[string]string{
		"gzip": string(check.Gzip(t, long)), "zstd": string(check.Zstd(t, long)), "zstd that skips": skipped,
		"bzip2": strings.Repeat(string(check.Bzip2), 3),
	} {
		for _, from := range []int64{0, sourceBuffer, int64(len(data)) - 1} {
			u := NewUnpacker(8 << 20)
			u.Reset(sick{strings.NewReader(data), from}, fileOf([]byte(data)), asOf([]byte(data)))
			for range 2 {
				_, err := io.Copy(io.Discard, u)
				if _, damaged := errors.AsType[*DamagedError](err); damaged || !errors.Is(err, errSick) {
					t.Errorf("%s from %d on: %v", what, from, err)
				}
			}
		}
	}
}

// FuzzUnpack unpacks whatever begins like a compressed file. Its errors must be those of a file.
func FuzzUnpack(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if asOf(data) == Plain {
			return
		}
		u := NewUnpacker(1 << 20)
		u.Reset(bytes.NewReader(data), fileOf(data), asOf(data))
		n, err := io.Copy(io.Discard, io.LimitReader(u, 64<<20))
		if err != nil {
			_, damaged := errors.AsType[*DamagedError](err)
			if _, large := errors.AsType[*WindowError](err); !damaged && !large {
				t.Errorf("%d bytes, %v", n, err)
			}
		}
	})
}
