package wordcount

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// mixedRig is a job over files that are compressed in each way, in several members too, and files that
// aren't.
func mixedRig(t *testing.T) *rig {
	t.Helper()
	files := check.Texts(6, 40)
	r := newRig(t, files)
	r.contents = map[string]string{}
	for name, text := range files {
		half := len(text) / 2 // in a word, perhaps
		r.pack(name+".gz", check.Gzip(t, text), text)
		r.pack(name+" in members", check.Gzip(t, text[:half], "", text[half:]), text)
		r.pack(name+".zst", check.Zstd(t, text), text)
		r.pack(name+" in frames", check.Zstd(t, text[:half], "", text[half:]), text)
	}
	r.pack("bzip2", check.Bzip2, check.Bzip2Text())
	r.pack("nothing.gz", check.Gzip(t, ""), "")
	r.pack("nothing.zst", check.Zstd(t, ""), "")
	return r
}

// pack adds a compressed file to the input.
func (r *rig) pack(name string, packed []byte, text string) {
	r.tb.Helper()
	check.Must(r.tb, os.WriteFile(filepath.Join(r.input, name), packed, 0o644))
	r.contents[filepath.Join(r.input, name)] = text
}

func TestAJobOfPlainAndCompressedFilesIsExact(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		for _, faults := range []string{"", "crash@mid-count:1,crash@before-commit:1"} {
			r := mixedRig(t)
			r.faults = faults
			sealed := r.exact(o)
			verdict, err := r.verify(sealed)
			check.Must(t, err)
			if !verdict.Exact() || verdict.Distinct != sealed.Distinct {
				t.Errorf("verify says %+v of %+v", verdict, sealed)
			}
		}
	})
}

func TestSmallCompressedFilesShareTasks(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		o.Split = 1 << 20
		r := mixedRig(t)
		r.prepare(o)
		r.amongVeryMany(o)
		shared := 0
		for _, s := range r.plan.Splits() {
			for _, f := range s.More {
				if r.contents[f.Path] != "" {
					shared++
				}
			}
		}
		if shared < 10 {
			t.Fatalf("%d compressed files go with others", shared)
		}
		sealed := r.finishExactly()
		verdict, err := r.verify(sealed)
		check.Must(t, err)
		if !verdict.Exact() {
			t.Errorf("verify says %+v", verdict)
		}
	})
}

func TestAJobOfSeekableFilesIsExactThoughWorkersDie(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(2, 40))
		r.contents = map[string]string{}
		for name, text := range check.Texts(4, 400) {
			r.pack(name+".zst", check.SeekableZstd(check.Pieces(text, 1001)...), text)
		}
		r.pack("one word.zst", check.SeekableZstd(check.Pieces(strings.Repeat("long", 10_000), 100)...), strings.Repeat("long", 10_000))
		r.faults = "crash@mid-count:1,crash@before-commit:1"
		o.Split = 500
		r.prepare(o)
		frames := 0
		for _, s := range r.plan.Splits() {
			if s.Frames {
				frames++
			}
		}
		if len(r.plan.Manifest.Cuts) != 5 || frames < 20 {
			t.Fatalf("%d files are cut into %d splits", len(r.plan.Manifest.Cuts), frames)
		}
		sealed := r.finishExactly()
		verdict, err := r.verify(sealed)
		check.Must(t, err)
		packed, unpacked := uint64(0), uint64(0)
		for path := range r.plan.Manifest.Cuts {
			now, err := input.Stat(path)
			check.Must(t, err)
			packed, unpacked = packed+uint64(now.Size), unpacked+uint64(len(r.contents[path]))
		}
		if !verdict.Exact() || verdict.Distinct != sealed.Distinct || sealed.Tally.Compressed != packed || sealed.Tally.Unpacked != unpacked {
			t.Errorf("verify says %+v of %+v; %d bytes unpack to %d", verdict, sealed, packed, unpacked)
		}
	})
}

func TestFault76ATableThatLiesEndsTheRunAndSplitsOfWholeFilesDoWithoutIt(t *testing.T) {
	t.Parallel()
	text := "some words over some frames"
	frames := bytes.Join([][]byte{check.Frame(text[:7]), check.Frame(text[7:])}, nil)
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, nil)
		r.contents = map[string]string{}
		r.pack("lies", append(bytes.Clone(frames), check.SeekTable(0, len(frames)-10, 10)...), text)
		o.Split, o.WholeFiles = 10, false
		r.prepare(o)
		r.finishIncomplete(protocol.Unreadable, `lies": its zstd data is damaged at byte `, ", or its table for seeking is wrong: ")
		o.Split, o.WholeFiles = 0, true
		r.exact(o)
	})
}

func TestFault76ADamagedFileEndsTheRunAndIsNamedWithTheOffset(t *testing.T) {
	t.Parallel()
	for as, whole := range map[input.Compression][]byte{
		input.Gzip: check.Gzip(t, "some words ", "in members"), input.Zstd: check.Zstd(t, "some words ", "in frames"), input.Bzip2: check.Bzip2,
	} {
		flipped := bytes.Clone(whole)
		flipped[len(flipped)-2] ^= 1 // of a checksum
		for what, data := range map[string][]byte{
			"cut": whole[:len(whole)-1], "damaged": flipped, "with more behind": append(bytes.Clone(whole), '\n'),
		} {
			t.Run(fmt.Sprintf("%v, %s", as, what), func(t *testing.T) {
				t.Parallel()
				inBothModes(t, func(t *testing.T, o plan.Options) {
					r := newRig(t, check.Texts(3, 10))
					path := filepath.Join(r.input, "damaged")
					check.Must(t, os.WriteFile(path, data, 0o600))
					r.prepare(o)
					r.finishIncomplete(protocol.Unreadable, fmt.Sprintf("can't read input: %q: its %v data is damaged at byte ", path, as), fmt.Sprintf(" of %d: ", len(data)))
				})
			})
		}
	}
}

func TestAZstdWindowForWhichAWorkerHasNoMemoryEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, zstd.WithWindowSize(16<<20))
	check.Must(t, err)
	_, err = io.WriteString(w, check.Words(100_000))
	check.Must(t, errors.Join(err, w.Close()))
	check.Must(t, os.WriteFile(filepath.Join(r.input, "large"), packed.Bytes(), 0o600))
	r.prepare(plan.Options{})
	r.team.Worker.Memory = 64 << 20
	r.finishIncomplete(protocol.Unreadable, `large": its zstd window is larger than the 8 MiB that there are for it: give each worker more memory`)
}

func TestFault44ACompressedFileThatChangesEndsTheRun(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := mixedRig(t)
		r.prepare(o)
		path := filepath.Join(r.input, "file 03.txt.gz")
		check.Must(t, os.WriteFile(path, check.Gzip(t, "other words"), 0o644))
		r.finishIncomplete(protocol.Changed, path)
	})
}

func TestFault47AWordBeyondTheLimitInACompressedFileIsSaidToBeThere(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{"zeros": string(check.Gzip(t, "some words", strings.Repeat("\x00", 2<<20)))})
		r.prepare(o)
		r.finishIncomplete(protocol.TooLong, "zeros", "unpacked: ", "at offset 5")
	})
}
