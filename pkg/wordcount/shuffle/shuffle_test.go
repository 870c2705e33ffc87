package shuffle

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

const (
	aJob, anotherJob   = "0123456789abcdef", "fedcba9876543210"
	aRun, anotherRun   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "RUNRUNRUNRUNRUNRUNRUNRUNRU"
	aName, anotherName = "NAMENAMENAMENAMENAMENAMENA", "OTHEROTHEROTHEROTHEROTHERO"
)

// shared is a store in a folder of its own, until the test ends.
func shared(tb testing.TB) (s *Store, dir string) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "store")
	s, err := Make(tb.Context(), dir)
	check.Must(tb, err)
	tb.Cleanup(func() { check.Must(tb, s.Close()) })
	return s, dir
}

func runOf(tb testing.TB, s *Store, job, nonce string) Run {
	tb.Helper()
	r, err := s.Run(job, nonce)
	check.Must(tb, err)
	return r
}

// maker makes a run that may be written to, and says in which folder its map outputs are.
type maker func(tb testing.TB) (r Run, maps string)

// prepared is a run that may be written to, and the folder of its map outputs.
func prepared(tb testing.TB) (r Run, maps string) {
	tb.Helper()
	s, dir := shared(tb)
	r = runOf(tb, s, aJob, aRun)
	check.Must(tb, r.Prepare())
	return r, filepath.Join(dir, aJob, aRun, "map")
}

// counts are words and their counts.
type counts map[string]uint64

func (c counts) table() *count.Table {
	t := count.New()
	for word, n := range c {
		t.Add([]byte(word), n)
	}
	return t
}

func (c counts) tokens() (sum uint64) {
	for _, n := range c {
		sum += n
	}
	return sum
}

// numbered are n words, a few of them long.
func numbered(n int) counts {
	c := counts{}
	for i := range n {
		c[fmt.Sprintf("w%d%s", i, strings.Repeat("-long", max(i%50-45, 0)))] = uint64(i%300 + 1)
	}
	return c
}

// put writes a map output with these spills.
func put(tb testing.TB, r Run, name string, partitions int, spills ...counts) Written {
	tb.Helper()
	w, err := r.Create(name, partitions)
	check.Must(tb, err)
	for _, spill := range spills {
		check.Must(tb, w.Add(spill.table()))
	}
	written, err := w.Finish()
	check.Must(tb, err)
	return written
}

// get reads all of a map output.
func get(r Run, name string, partitions int) (counts, error) {
	out, err := r.Open(name, partitions)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	return getAll(r, out, partitions)
}

// getAll reads all partitions, and checks that each word is in its own.
func getAll(r Run, out *Output, partitions int) (counts, error) {
	var reader Reader
	all, partition := counts{}, r.Partitioner(partitions)
	for p := range partitions {
		words := uint64(0)
		for step, err := range reader.Partition(out, p) {
			if err != nil {
				return nil, err
			}
			words += uint64(step.Words)
			for word, n := range step.All() {
				all[string(word)] += n
				if partition.Of(word) != p {
					return nil, fmt.Errorf("%q of partition %d is in partition %d", word, partition.Of(word), p)
				}
			}
		}
		if words != out.Words(p) {
			return nil, fmt.Errorf("partition %d has %d words, and is said to have %d", p, words, out.Words(p))
		}
	}
	return all, nil
}

func same(tb testing.TB, got, want counts) {
	tb.Helper()
	if !maps.Equal(got, want) {
		tb.Fatalf("got %d words, %d tokens; want %d and %d", len(got), got.tokens(), len(want), want.tokens())
	}
}

// isLost checks that a map output is lost, and that the error is the same on all hosts.
func isLost(tb testing.TB, err error, says ...string) {
	tb.Helper()
	check.IsError(tb, err, ErrLost, append(says, aJob+"/"+aRun+"/map/"+aName)...)
	if errors.Is(err, ErrHost) || strings.Contains(err.Error(), os.TempDir()) {
		tb.Errorf("%v: a loss is of no host", err)
	}
}

// isOfHost checks that the store can't be used, that nothing is lost, and that the error says where.
func isOfHost(tb testing.TB, r Run, err error, says ...string) {
	tb.Helper()
	check.IsError(tb, err, ErrHost, append(says, r.store.where)...)
	if errors.Is(err, ErrLost) {
		tb.Errorf("%v: nothing is lost", err)
	}
}

// names are the files in a folder.
func names(tb testing.TB, dir string) (names []string) {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) { // a server for S3 has no empty folders
		return nil
	}
	check.Must(tb, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
