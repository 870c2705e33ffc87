package combine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/record"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// counted is what a file was counted as.
type counted struct {
	words map[string]uint64
	tally protocol.Tally
}

// countCut plans and counts a file that has these bytes, split by split, and returns how many splits
// there were, too. The counts and the number of words of the splits must agree.
func countCut(tb testing.TB, data []byte, o plan.Options) (c counted, splits int, err error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "file")
	check.Must(tb, os.WriteFile(path, data, 0o600))
	m, err := plan.Scan(tb.Context(), []string{path}, "", o)
	check.Must(tb, err)
	return countManifest(tb, m, o)
}

func countManifest(tb testing.TB, m plan.Manifest, o plan.Options) (c counted, splits int, err error) {
	tb.Helper()
	counting, err := o.Counting()
	check.Must(tb, err)
	combiner, err := New(1, ofMemory, "", counting)
	check.Must(tb, err)
	var tokens, sum uint64
	all := plan.New(m, o).Splits()
	for _, s := range all {
		n, err := countSplit(tb.Context(), combiner, s)
		if err != nil {
			return c, len(all), err
		}
		tokens += n
	}
	c = counted{map[string]uint64{}, combiner.tally}
	for word, n := range combiner.table.All() {
		c.words[string(word)] += n
		sum += n
	}
	if tokens != sum {
		tb.Errorf("the splits have %d words, and the table has %d", tokens, sum)
	}
	return c, len(all), nil
}

// kindsOfRecords are the ways to count in which a file can be cut, with one kind of text for each way
// to end a word or a record.
var kindsOfRecords = []plan.Options{
	{}, {Words: "unicode"}, {Field: "line"}, {Field: "jsonl:a"}, {Field: "csv-lines:a"}, {Field: "csv-lines:2"}, {Field: "tsv:a"},
}

// framedExactly checks that a text in these frames is counted, whatever the size of a split, as the
// plain text is.
func framedExactly(tb testing.TB, texts []string, o plan.Options, steps ...int64) {
	tb.Helper()
	text := strings.Join(texts, "")
	want, _, err := countCut(tb, []byte(text), plan.Options{Field: o.Field, Words: o.Words, WholeFiles: true})
	check.Must(tb, err)
	data := check.SeekableZstd(texts...)
	want.tally.Compressed, want.tally.Unpacked = uint64(len(data)), uint64(len(text))
	for _, o.Split = range steps {
		got, splits, err := countCut(tb, data, o)
		check.Must(tb, err)
		if !maps.Equal(got.words, want.words) || got.tally != want.tally {
			tb.Errorf("%+v, %d splits of %.200q: got %d words and %+v, want %d and %+v", o, splits, texts, len(got.words), got.tally, len(want.words), want.tally)
		}
	}
}

// sizeOf is how many bytes the frames of these texts have.
func sizeOf(texts []string) (n int) {
	for _, text := range texts {
		n += len(check.Frame(text))
	}
	return n
}

func TestWordsAndRecordsThatGoOverFramesAreCountedOnceAtAnySplit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "\n", "word", " word", "word ", "a b c\nd e\n\n\nf", "a\tb\n1\t2\n3\t4\n\n5", "a,b\n1,\"two \"\"x\"\"\"\r\n3,4\r\n", "\uFEFFb,a\n\n1,2\n",
		`{"a":"one two"}` + "\n" + `{"a":{"a":1}}` + "\n\n" + `{"a":null}` + "\n{\n" + `{"a":"three"}`,
		"over\u3000here\u2028\u0085now \u3000\u00a0\n\u3000", "\xe3\x80 \xe3\n\x80\x80\xc2", strings.Repeat("long", 20) + " " + strings.Repeat("\n", 5),
	} {
		for _, o := range kindsOfRecords {
			for size := 1; size <= 1+len(text); size += 1 + size/4 {
				framedExactly(t, check.Pieces(text, size), o, 1, 40, 1000)
			}
		}
	}
}

func TestEmptyFramesAndFramesToSkipChangeNothing(t *testing.T) {
	t.Parallel()
	text := []string{"", "", "begins", "", "", " in one, en", "", "", "ds in another\nli", "ne\n", "", ""}
	skip := []byte("\x57\x2a\x4d\x18\x03\x00\x00\x00 a ")
	want, _, err := countCut(t, []byte(strings.Join(text, "")), plan.Options{})
	check.Must(t, err)
	for at := 1; at <= len(text); at++ { // if it came first, it would be no zstd file
		var all []byte
		var sizes []int
		add := func(frame []byte) { all, sizes = append(all, frame...), append(sizes, len(frame)) }
		for i, text := range text {
			if i == at {
				add(skip)
			}
			frame := check.Frame(text)
			if i == at-1 { // in one entry with a frame
				frame = append(frame, skip...)
			}
			add(frame)
		}
		got, splits, err := countCut(t, append(all, check.SeekTable(0x80, sizes...)...), plan.Options{Split: 1})
		if err != nil || !maps.Equal(got.words, want.words) || splits != len(sizes) {
			t.Errorf("%d: %v in %d splits, %v; want %v", at, got.words, splits, err, want.words)
		}
	}
}

// A word or a record may fill many frames, and many splits.
func TestTheLongestWordAndALongRecordGoOverManyFrames(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", count.MaxWord)
	record := `{"b":"` + longest + `","a":"of it"}` + "\n"
	for _, size := range []int{200_000, count.MaxWord - 1, 3 << 20} {
		framedExactly(t, check.Pieces("a "+longest+" b "+longest, size), plan.Options{}, 1)
		framedExactly(t, check.Pieces(record+record+record, size), plan.Options{Field: "jsonl:a", Words: "unicode"}, 1)
	}
}

func TestAWordOrRecordThatCannotBeCountedIsLocatedInItsFrames(t *testing.T) {
	t.Parallel()
	frames := []string{"some words", " are sh", "ort ", "and\none is " + strings.Repeat("x", 500_000), strings.Repeat("x", 600_000), " or so"}
	data := check.SeekableZstd(frames...)
	off := sizeOf(frames[:3])
	_, _, err := countCut(t, data, plan.Options{Split: 1})
	if _, ok := errors.AsType[*count.WordTooLongError](err); !ok || !strings.Contains(err.Error(), fmt.Sprintf("unpacked from byte %d on: ", off)) || !strings.Contains(err.Error(), "at offset 11") {
		t.Errorf("%v", err)
	}
	frames = []string{`{"a`, `":1}` + "\n", `{"a":2}` + "\n" + `{"b"`, ":3}\n", "4\n"}
	_, _, err = countCut(t, check.SeekableZstd(frames...), plan.Options{Split: 1, Field: "jsonl:a", Strict: true})
	off = sizeOf(frames[:2])
	if bad, ok := errors.AsType[*record.Error](err); !ok || bad.Offset != 8 || !strings.Contains(err.Error(), fmt.Sprintf("unpacked from byte %d on: record at byte 8", off)) {
		t.Errorf("%v, %+v", err, bad)
	}
}

// A table may say anything, and a file may be damaged anywhere. Then it is counted as what is in it, or
// not at all.
func TestFault76ASeekableFileIsCountedRightOrNotWhateverItsBytes(t *testing.T) {
	t.Parallel()
	texts := []string{"a few ", "words, some", " words\nand m", "ore"}
	data := check.SeekableZstd(texts...)
	frames := sizeOf(texts)
	want, splits, err := countCut(t, data, plan.Options{Split: 1})
	if err != nil || splits != len(texts) || len(want.words) != 7 {
		t.Fatalf("%v in %d splits, %v", want, splits, err)
	}
	right := func(what string, data []byte) (noticed bool) {
		t.Helper()
		if input.CompressionOf(data[:min(len(data), input.CompressionWithin)]) != input.Zstd {
			return true // it is counted as it is, by itself and in splits
		}
		got, _, err := countCut(t, data, plan.Options{Split: 1})
		if err == nil && !maps.Equal(got.words, want.words) {
			t.Errorf("%s: %v", what, got.words)
		}
		if _, damaged := errors.AsType[*input.DamagedError](err); err != nil && !damaged {
			if _, large := errors.AsType[*input.WindowError](err); !large {
				t.Errorf("%s: %v", what, err)
			}
		}
		return err != nil
	}
	for bit := range 8 * len(data) {
		damaged := bytes.Clone(data)
		damaged[bit/8] ^= 1 << (bit % 8)
		right(fmt.Sprintf("bit %d", bit), damaged)
	}
	ends := map[int]bool{frames: true}
	for i := range texts {
		ends[sizeOf(texts[:i])] = true
	}
	for size := range data {
		if !ends[size] && !right(fmt.Sprintf("%d bytes", size), data[:size]) {
			t.Errorf("nobody notices that the file ends after %d bytes", size)
		}
	}
	// These tables lie: their frames make up the file.
	all, random := data[:frames], rand.New(rand.NewPCG(1, 2))
	for range 200 {
		first := 1 + random.IntN(frames-2)
		second := 1 + random.IntN(frames-first-1)
		lie := check.SeekTable(0, first, second, frames-first-second)
		if noticed := right(fmt.Sprintf("a table of %d, %d", first, second), append(bytes.Clone(all), lie...)); noticed == (ends[first] && ends[first+second]) {
			t.Errorf("frames of %d and %d bytes are said to be right: %v", first, second, !noticed)
		}
	}
	// The frames of another table, too, so that the last one describes only a part of the file.
	if got, splits, err := countCut(t, append(bytes.Clone(data), data...), plan.Options{Split: 1}); err != nil || splits != 1 || got.words["few"] != 2 {
		t.Errorf("two files in one: %v in %d splits, %v", got.words, splits, err)
	}
}

func FuzzFramesAreCountedAsTheirText(f *testing.F) {
	f.Add("a few words\nand more", []byte{1, 0, 3, 9}, uint8(0), uint8(1))
	f.Add("{\"a\":1}\n{\"a\":\"x y\"}\n", []byte{9, 2}, uint8(3), uint8(1))
	f.Add("\ufeffb,a\n1,2\n\n3,4", []byte{2, 3, 200}, uint8(4), uint8(60))
	f.Fuzz(func(t *testing.T, text string, cuts []byte, kind, step uint8) {
		frames := []string{}
		for _, n := range cuts {
			n := min(int(n), len(text))
			frames, text = append(frames, text[:n]), text[n:]
		}
		framedExactly(t, append(frames, text), kindsOfRecords[int(kind)%len(kindsOfRecords)], int64(step)+1)
	})
}
