package input

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// seekable is fewText in frames of ten bytes, as the package zstd-seekable-format-go packs it, with
// checksums in the table.
const seekable = "\x28\xb5\x2f\xfd\x04\x00\x51\x00\x00\x61\x20\x66\x65\x77\x20\x77\x6f\x72\x64\x8f\x25\xcb\x26" +
	"\x28\xb5\x2f\xfd\x04\x00\x51\x00\x00\x73\x2c\x20\x61\x20\x66\x65\x77\x20\x77\x79\x6f\x69\x82" +
	"\x28\xb5\x2f\xfd\x04\x00\x29\x00\x00\x6f\x72\x64\x73\x0a\xf2\xd2\xe2\xf5" +
	"\x5e\x2a\x4d\x18\x2d\x00\x00\x00\x17\x00\x00\x00\x0a\x00\x00\x00\x8f\x25\xcb\x26\x17\x00\x00\x00\x0a\x00\x00\x00\x79\x6f\x69\x82" +
	"\x12\x00\x00\x00\x05\x00\x00\x00\xf2\xd2\xe2\xf5\x03\x00\x00\x00\x80\xb1\xea\x92\x8f"

func cutsOf(t *testing.T, data string, step int64) []int64 {
	t.Helper()
	cuts, err := Cuts(strings.NewReader(data), int64(len(data)), step)
	check.Must(t, err)
	return cuts
}

func TestAZstdFileIsCutWhereItsTableSaysThatFramesBegin(t *testing.T) {
	t.Parallel()
	for step, want := range map[int64][]int64{1: {23, 46}, 22: {23, 46}, 23: {23, 46}, 40: {23, 46}, 41: {23}, 45: {23}, 46: {46}, 63: {46}, 64: nil, math.MaxInt64: nil} {
		if cuts := cutsOf(t, seekable, step); !slices.Equal(cuts, want) {
			t.Errorf("into parts of %d bytes at %d, want %d", step, cuts, want)
		}
	}
	frames := [][]byte{check.Zstd(t, "one "), check.Zstd(t, ""), []byte("\x53\x2a\x4d\x18\x02\x00\x00\x00.."), check.Zstd(t, "two")}
	all, sizes := slices.Concat(frames...), []int{}
	for _, frame := range frames {
		sizes = append(sizes, len(frame))
	}
	ends := []int64{int64(sizes[0]), int64(sizes[0] + sizes[1]), int64(sizes[0] + sizes[1] + sizes[2])}
	for flags, want := range map[byte][]int64{0: ends, 0x80: ends, 0x83: ends, 0x40: nil, 0x04: nil} {
		if cuts := cutsOf(t, string(all)+string(check.SeekTable(flags, sizes...)), 1); !slices.Equal(cuts, want) {
			t.Errorf("flags %x: at %d, want %d", flags, cuts, want)
		}
	}
}

func TestAFileIsNotCutByATableThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	frame, table := string(check.Zstd(t, "words ")), string(check.SeekTable(0, 20, 20))
	n := len(frame)
	for what, data := range map[string]string{
		"no table":                      frame + frame + frame,
		"too short":                     frame[:4],
		"a footer alone":                table[len(table)-tableFooter:],
		"no frame":                      string(check.SeekTable(0)),
		"one frame":                     frame + string(check.SeekTable(0, n)),
		"a frame that it lacks":         frame + frame + frame + string(check.SeekTable(0, n, n)),
		"a frame too many":              frame + frame + string(check.SeekTable(0, n, n, n)),
		"frames that are too large":     frame + frame + string(check.SeekTable(0, n, math.MaxUint32)),
		"a part of two files":           strings.Repeat(frame+frame+string(check.SeekTable(0, n, n)), 2),
		"a frame behind it":             frame + frame + string(check.SeekTable(0, n, n)) + frame,
		"the size of another table":     frame + frame + strings.Replace(string(check.SeekTable(0, n, n)), "\x19", "\x18", 1),
		"another number of frames":      frame + frame + strings.Replace(string(check.SeekTable(0, n, n)), "\x02\x00\x00\x00\x00\xb1", "\x01\x00\x00\x00\x00\xb1", 1),
		"more frames than fit":          frame + frame + strings.Replace(string(check.SeekTable(0, n, n)), "\x02\x00\x00\x00\x00\xb1", "\xff\xff\xff\xff\x00\xb1", 1),
		"a frame that isn't to skip":    frame + frame + strings.Replace(string(check.SeekTable(0, n, n)), "\x5e\x2a", "\x28\xb5", 1),
		"another magic":                 frame + frame + strings.Replace(string(check.SeekTable(0, n, n)), "\xb1\xea", "\xb0\xea", 1),
		"only the last bytes of it":     table[1:],
		"frames of zero bytes":          string(check.SeekTable(0, 0, 0, 0)),
		"a table that was cut":          frame + frame + string(check.SeekTable(0, n, n)[:20]),
		"a table that says it backward": frame + string(check.SeekTable(0, -n&math.MaxUint32, 2*n)),
	} {
		if cuts := cutsOf(t, data, 1); cuts != nil {
			t.Errorf("%s: cut at %d of %d", what, cuts, len(data))
		}
	}
}

func TestATableThatCannotBeReadIsAnErrorAndAFileThatBecameShorterIsNotCut(t *testing.T) {
	t.Parallel()
	for _, from := range []int64{0, int64(len(seekable)) - tableFooter, int64(len(seekable)) - 30} {
		if _, err := Cuts(sick{strings.NewReader(seekable), from}, int64(len(seekable)), 1); !errors.Is(err, errSick) {
			t.Errorf("from %d on: %v", from, err)
		}
	}
	for size := range len(seekable) {
		if cuts, err := Cuts(strings.NewReader(seekable[:size]), int64(len(seekable)), 1); cuts != nil || err != nil {
			t.Errorf("%d bytes: %d, %v", size, cuts, err)
		}
	}
}

// pieces are the texts of the parts into which a file is cut.
func pieces(u *Unpacker, data string, cuts []int64) (texts []string, err error) {
	off := int64(0)
	for _, end := range append(slices.Clone(cuts), int64(len(data))) {
		u.Frames(strings.NewReader(data), fileOf([]byte(data)), off, end)
		text, err := io.ReadAll(u)
		if err != nil {
			return nil, err
		}
		texts, off = append(texts, string(text)), end
	}
	return texts, nil
}

func TestFramesAreUnpackedAlone(t *testing.T) {
	t.Parallel()
	u := NewUnpacker(8 << 20)
	for step, want := range map[int64]string{1: "a few word|s, a few w|ords\n", 46: "a few words, a few w|ords\n", 100: fewText} {
		texts, err := pieces(u, seekable, cutsOf(t, seekable, step))
		if got := strings.Join(texts, "|"); got != want || err != nil {
			t.Errorf("%d: %q, %v", step, got, err)
		}
	}
}

func TestFault76APartThatDoesNotEndWhereAFrameEndsIsDamaged(t *testing.T) {
	t.Parallel()
	u := NewUnpacker(8 << 20)
	for at := int64(1); at < int64(len(seekable)); at++ {
		texts, err := pieces(u, seekable, []int64{at})
		if at == 23 || at == 46 || at == 64 {
			if err != nil || strings.Join(texts, "") != fewText {
				t.Errorf("cut at %d: %q, %v", at, texts, err)
			}
			continue
		}
		damaged, ok := errors.AsType[*DamagedError](err)
		if !ok || damaged.Offset < min(at, 4) || !strings.Contains(err.Error(), " of 117, or its table for seeking is wrong: ") {
			t.Errorf("cut at %d: %q, %v", at, texts, err)
		}
	}
	u.Reset(strings.NewReader(seekable[:60]), fileOf([]byte(seekable[:60])), Zstd)
	if _, err := io.ReadAll(u); err == nil || strings.Contains(err.Error(), "table") {
		t.Errorf("a file without a table: %v", err)
	}
}

func TestFault76AWrongOffsetIsThatInTheFile(t *testing.T) {
	t.Parallel()
	data := strings.Repeat(string(check.Zstd(t, "words")), 3)
	n := int64(len(data)) / 3
	damaged := []byte(data)
	damaged[2*n] ^= 1 // the magic of the last frame
	u := NewUnpacker(8 << 20)
	u.Frames(bytes.NewReader(damaged), fileOf(damaged), n, 3*n)
	_, err := io.ReadAll(u)
	if e, ok := errors.AsType[*DamagedError](err); !ok || e.Offset < 2*n || e.Offset > 2*n+8 {
		t.Errorf("byte %d is wrong: %v", 2*n, err)
	}
}

// unread is a file of which nothing but its size is known, up to the end that data has.
type unread struct {
	size int64
	data string
}

var errUnread = &fs.PathError{Op: "read", Path: "/a b", Err: errors.New("this is read in vain")}

func (u unread) ReadAt(p []byte, off int64) (int, error) {
	if off += int64(len(u.data)) - u.size; off < 0 {
		return 0, errUnread
	}
	return strings.NewReader(u.data).ReadAt(p, off)
}

func TestNothingButTheTableOfAFileIsRead(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	sizes := make([]int, 300_000)
	for i := range sizes {
		sizes[i] = n
	}
	table := string(check.SeekTable(0x80, sizes...))
	size := int64(len(sizes))*n + int64(len(table))
	cuts, err := Cuts(unread{size, table}, size, 64*n)
	check.Must(t, err)
	if len(cuts) != (len(sizes)-1)/64 || cuts[0] != 64*n || cuts[len(cuts)-1] != int64(len(cuts))*64*n {
		t.Errorf("%d cuts", len(cuts))
	}
}

// FuzzCuts cuts whatever has a table. If its parts can be unpacked, they are what the file is.
func FuzzCuts(f *testing.F) {
	f.Add([]byte(seekable), int64(1))
	f.Add([]byte(seekable), int64(46))
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte, step int64) {
		size := int64(len(data))
		cuts, err := Cuts(bytes.NewReader(data), size, step)
		check.Must(t, err)
		last := int64(0)
		for _, at := range cuts {
			if at <= last || at >= size {
				t.Fatalf("%d of %d bytes", cuts, size)
			}
			last = at
		}
		if len(cuts) == 0 {
			return
		}
		u := NewUnpacker(1 << 20)
		u.Reset(bytes.NewReader(data), fileOf(data), Zstd)
		whole, wholeErr := io.ReadAll(io.LimitReader(u, most))
		if len(whole) == most {
			return
		}
		texts, err := pieces(u, string(data), cuts)
		if err == nil && (wholeErr != nil || string(whole) != strings.Join(texts, "")) {
			t.Errorf("parts have %q, and the file has %q, %v", texts, whole, wholeErr)
		}
	})
}
