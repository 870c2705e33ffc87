package shuffle

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

// ready is a run that may have result files.
func ready(tb testing.TB, prepared maker) Run {
	tb.Helper()
	r, _ := prepared(tb)
	check.Must(tb, r.PrepareResults())
	return r
}

// nameOf is the name of the result file of a partition.
func nameOf(partition int) string {
	return fmt.Sprintf("NAMENAMENAMENAMENAMENAME%c%c", 'A'+partition/26, 'A'+partition%26)
}

// publish writes a result file for each partition.
func publish(tb testing.TB, r Run, partitions int, words counts) (files []ResultFile) {
	tb.Helper()
	parts, partition := make([]counts, partitions), r.Partitioner(partitions)
	for word, n := range words {
		p := partition.Of([]byte(word))
		if parts[p] == nil {
			parts[p] = counts{}
		}
		parts[p][word] = n
	}
	for p, words := range parts {
		files = append(files, publishOne(tb, r, nameOf(p), p, partitions, words.table().Descending()))
	}
	return files
}

func publishOne(tb testing.TB, r Run, name string, partition, partitions int, words []count.Entry) ResultFile {
	tb.Helper()
	w, err := r.CreateResult(name, partition, partitions)
	check.Must(tb, err)
	for _, e := range words {
		check.Must(tb, w.Add(e))
	}
	f, err := w.Finish()
	check.Must(tb, err)
	return f
}

// readAll reads the merged words. What comes before an error is right, or the test fails.
func readAll(tb testing.TB, r Run, files []ResultFile, want []count.Entry) error {
	tb.Helper()
	i := 0
	for e, err := range r.Words(files) {
		if err != nil {
			return err
		}
		if i == len(want) || e != want[i] {
			tb.Fatalf("word %d is %q (%d)", i, e.Word, e.N)
		}
		i++
	}
	if i != len(want) {
		tb.Fatalf("%d words of %d", i, len(want))
	}
	return nil
}

func TestResultFilesHaveAllWordsInOneOrder(t *testing.T) {
	t.Parallel()
	resultFilesHaveAllWordsInOneOrder(t, prepared)
}

func resultFilesHaveAllWordsInOneOrder(t *testing.T, prepared maker) {
	for what, c := range map[string]struct {
		partitions int
		words      counts
	}{
		"nothing":                   {3, nil},
		"one word":                  {3, counts{"a": 1}},
		"several blocks":            {2, numbered(30_000)},
		"more files than stay open": {resultsOpen + 1, numbered(3000)},
		"words as long as they may be": {2, counts{
			strings.Repeat("a", count.MaxWord): 1<<63 + 1, strings.Repeat("b", count.MaxWord): 1, "c": 7}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := ready(t, prepared)
			files := publish(t, r, c.partitions, c.words)
			check.Must(t, readAll(t, r, files, c.words.table().Descending()))
			check.Must(t, r.CheckFiles(t.Context(), files))
			var distinct, tokens uint64
			for _, f := range files {
				distinct, tokens = distinct+f.Words, tokens+f.Tokens
			}
			if int(distinct) != len(c.words) || tokens != c.words.tokens() {
				t.Errorf("%d words, %d of them distinct", tokens, distinct)
			}
			for range r.Words(files) {
				break // who has seen enough
			}
		})
	}
}

func TestACheckOfResultFilesEndsWithItsContext(t *testing.T) {
	t.Parallel()
	aCheckOfResultFilesEndsWithItsContext(t, prepared)
}

func aCheckOfResultFilesEndsWithItsContext(t *testing.T, prepared maker) {
	r := ready(t, prepared)
	files := publish(t, r, 2, numbered(10))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.CheckFiles(ctx, files); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWordsOfAResultFileAreInOrder(t *testing.T) {
	t.Parallel()
	r := ready(t, prepared)
	for what, second := range map[string]count.Entry{
		"a higher count": {Word: "c", N: 3}, "a word before it": {Word: "a", N: 2}, "the same word": {Word: "b", N: 2},
	} {
		w, err := r.CreateResult(aName, 0, 1)
		check.Must(t, err)
		check.Must(t, w.Add(count.Entry{Word: "b", N: 2}))
		if err := w.Add(second); err == nil {
			t.Errorf("%s was taken", what)
		}
		if _, err := w.Finish(); err == nil {
			t.Errorf("%s: the file was finished", what)
		}
	}
	if left := names(t, filepath.Join(r.store.where, r.results())); len(left) > 0 {
		t.Errorf("there is %q", left)
	}
}

// A spoilt is a small result file that a test damages. Its partition is the first of two.
type spoilt struct {
	Run
	tb      testing.TB
	path    string
	files   []ResultFile
	want    []count.Entry
	content []byte
}

func newSpoilt(tb testing.TB) spoilt {
	tb.Helper()
	r, words := ready(tb, prepared), counts{}
	for i := range 40 {
		words[fmt.Sprintf("w%d", i)] = uint64(i%7 + 1)
	}
	files := publish(tb, r, 2, words)
	path := filepath.Join(r.store.where, r.results(), files[0].Name)
	content, err := os.ReadFile(path)
	check.Must(tb, err)
	return spoilt{r, tb, path, files, words.table().Descending(), content}
}

// lost checks that the file with another content is lost, to every reader.
func (s spoilt) lost(what any, content []byte) {
	s.tb.Helper()
	check.Must(s.tb, os.WriteFile(s.path, content, 0o600))
	s.isLost(what)
}

func (s spoilt) isLost(what any) {
	s.tb.Helper()
	for _, err := range []error{readAll(s.tb, s.Run, s.files, s.want), s.CheckFiles(s.tb.Context(), s.files)} {
		if !errors.Is(err, ErrLostResult) || errors.Is(err, ErrHost) || !strings.Contains(err.Error(), s.files[0].Name) {
			s.tb.Fatalf("%v: %v", what, err)
		}
	}
}

func TestFault73EveryBitOfAResultFileMatters(t *testing.T) {
	t.Parallel()
	s := newSpoilt(t)
	check.Must(t, readAll(t, s.Run, s.files, s.want))
	for i := range s.content {
		for bit := range 8 {
			damaged := bytes.Clone(s.content)
			damaged[i] ^= 1 << bit
			s.lost(i, damaged)
		}
	}
}

func TestFault73EveryByteOfAResultFileMatters(t *testing.T) {
	t.Parallel()
	s := newSpoilt(t)
	for n := range s.content {
		s.lost(n, s.content[:n])
		s.lost(n, s.content[n+1:])
		s.lost(n, slices.Concat(s.content[:n], s.content[n+1:]))
		s.lost(n, slices.Concat(s.content[:n], []byte{0}, s.content[n:]))
		s.lost(n, slices.Concat(s.content[:n], make([]byte, len(s.content)-n)))
	}
	s.lost("a byte more", append(bytes.Clone(s.content), 0))
	s.lost("zeros", make([]byte, 1<<20))
}

func TestFault73AResultFileInThePlaceOfAnotherIsLost(t *testing.T) {
	t.Parallel()
	for what, other := range map[string]struct {
		job, run, name        string
		partition, partitions int
	}{
		"another name":                 {aJob, aRun, anotherName, 0, 2},
		"another run":                  {aJob, anotherRun, nameOf(0), 0, 2},
		"another job":                  {anotherJob, aRun, nameOf(0), 0, 2},
		"another partition":            {aJob, aRun, nameOf(0), 1, 2},
		"another number of partitions": {aJob, aRun, nameOf(0), 0, 3},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, there := newSpoilt(t), ready(t, prepared)
			r := runOf(t, there.store, other.job, other.run)
			check.Must(t, r.PrepareResults())
			check.Must(t, r.Prepare())
			f := publishOne(t, r, other.name, other.partition, other.partitions, []count.Entry{{Word: "w0", N: 1}})
			swapped, err := os.ReadFile(filepath.Join(there.store.where, r.results(), f.Name))
			check.Must(t, err)
			s.lost(what, swapped)
		})
	}
}

func TestFault73AResultFileThatSaysOtherSumsThanItsJobIsLost(t *testing.T) {
	t.Parallel()
	s := newSpoilt(t)
	for _, change := range []func(*ResultFile){
		func(f *ResultFile) { f.Words++ }, func(f *ResultFile) { f.Tokens++ },
	} {
		files := slices.Clone(s.files)
		change(&files[0])
		if err := readAll(t, s.Run, files, s.want); !errors.Is(err, ErrLostResult) {
			t.Error(err)
		}
	}
}

// blocks is a result file of these blocks, with right checksums.
func (s spoilt) blocks(tail resultTail, blocks ...string) []byte {
	file := bytes.Clone(s.content[:resultHeaderSize])
	for i, words := range blocks {
		length := binary.LittleEndian.AppendUint32(nil, uint32(len(words)))
		file = append(file, length...)
		file = binary.LittleEndian.AppendUint64(file, blockSum(xxhash.Sum64(s.content[:resultHeaderSize]), uint64(i), length, []byte(words)))
		file = append(file, words...)
	}
	tail.blocks = uint64(len(blocks))
	return append(file, tail.bytes(s.content[:resultHeaderSize])...)
}

// Checksums don't stop somebody who writes right ones.
func TestFault73AResultFileIsNoMoreBelievedThanItsBytesGo(t *testing.T) {
	t.Parallel()
	s := newSpoilt(t)
	s.files, s.want = s.files[:1], []count.Entry{{Word: "b", N: 2}, {Word: "a", N: 1}}
	sums := resultTail{words: 2, tokens: 3}
	s.files[0].Words, s.files[0].Tokens = 2, 3
	header := resultHeader(identity{aJob, aRun, s.files[0].Name, 1}, 0)
	copy(s.content, header)
	const b, a = "\x01b\x02", "\x01a\x01"
	check.Must(t, os.WriteFile(s.path, s.blocks(sums, b+a), 0o600))
	check.Must(t, readAll(t, s.Run, s.files, s.want))
	check.Must(t, os.WriteFile(s.path, s.blocks(sums, b, a), 0o600))
	check.Must(t, readAll(t, s.Run, s.files, s.want))
	for what, blocks := range map[string][]string{
		"a word without its count": {b + "\x01a"}, "an empty word": {b + "\x00\x01"}, "a count of 0": {b + "\x01a\x00"},
		"a word longer than the block": {b + "\x05a\x01"}, "a word beyond the limit": {b + "\x81\x80\x40" + strings.Repeat("a", count.MaxWord+1) + "\x01"},
		"a number without an end": {b + strings.Repeat("\xff", 12)}, "an empty block": {b, "", a}, "a word too few": {b},
		"a word too many": {b, a, "\x01c\x01"}, "the same twice": {b, b},
	} {
		s.lost(what, s.blocks(sums, blocks...))
	}
	s.files[0].Words, s.files[0].Tokens, s.want = 2, 2, []count.Entry{{Word: "b", N: 1}}
	s.lost("not in order", s.blocks(resultTail{words: 2, tokens: 2}, "\x01b\x01\x01a\x01"))
}

func TestAResultFileThatIsGoneIsLostAndAFolderThatIsGoneIsTheHosts(t *testing.T) {
	t.Parallel()
	s := newSpoilt(t)
	check.Must(t, s.CheckResults())
	check.Must(t, s.RemoveResult(s.files[0].Name))
	s.isLost("removed")
	check.Must(t, unix.Mkfifo(s.path, 0o600))
	s.isLost("a FIFO")
	check.Must(t, os.RemoveAll(filepath.Dir(s.path)))
	isOfHost(t, s.Run, readAll(t, s.Run, s.files, s.want), "its folder is missing")
	isOfHost(t, s.Run, s.CheckResults(), "its folder is missing")
	if _, err := s.CreateResult(anotherName, 0, 1); err == nil {
		t.Error("a file was begun without a folder")
	} else {
		isOfHost(t, s.Run, err, "its folder is missing")
	}
}

func TestResultFilesStayWhenMapOutputsAreDiscarded(t *testing.T) {
	t.Parallel()
	s := newSpoilt(t)
	for range 2 {
		check.Must(t, s.DiscardMaps())
	}
	check.Must(t, readAll(t, s.Run, s.files, s.want))
	check.Must(t, s.CheckResults())
	if _, err := s.CreateResult(anotherName, 0, 1); !errors.Is(err, ErrNoMark) {
		t.Errorf("a file was begun without the mark: %v", err)
	}
	check.Must(t, s.Delete())
	isOfHost(t, s.Run, readAll(t, s.Run, s.files, s.want))
}

func TestNamesOfResultFilesAreChecked(t *testing.T) {
	t.Parallel()
	r := ready(t, prepared)
	for _, name := range []string{"", "../map/" + aName, strings.ToLower(aName), aName + "A"} {
		for _, err := range []error{
			r.RemoveResult(name), r.CheckFiles(t.Context(), []ResultFile{{Name: name}}),
			func() error { _, err := r.CreateResult(name, 0, 1); return err }(),
		} {
			check.IsError(t, err, ErrName)
		}
	}
	for _, partition := range []int{-1, 3} {
		_, err := r.CreateResult(aName, partition, 3)
		check.IsError(t, err, ErrName)
	}
}
