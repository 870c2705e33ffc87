package corpus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// small is over a page per file, and doesn't divide evenly.
var small = Spec{Bytes: 3_100_001, Files: 3, Words: 20_000, Seed: 7}

// golden is the fingerprint of the small corpus on every machine. Where it has
// to change, so has generation.
const golden = "5a404ac8584f8ed9a7d62e9b284b8673"

func TestASpecStandsForTheSameBytesEverywhere(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		before := runtime.GOMAXPROCS(cpus)
		dir := newCorpus(t, small)
		runtime.GOMAXPROCS(before)
		if got := fingerprint(t, dir); got != golden {
			t.Errorf("with %d CPUs the corpus is %s, want %s", cpus, got, golden)
		}
	}
}

func TestAnotherSeedIsAnotherCorpus(t *testing.T) {
	other := small
	other.Seed++
	if fingerprint(t, newCorpus(t, other)) == golden {
		t.Error("the same text")
	}
}

func TestTheBytesAreSharedOutExactly(t *testing.T) {
	for _, spec := range []Spec{
		small,
		{Bytes: 1, Files: 1, Words: 10},
		{Bytes: 7, Files: 10, Words: 10},
		{Bytes: pageSize, Files: 1, Words: 10},
		{Bytes: 2*pageSize + 1, Files: 1, Words: 10},
	} {
		files := readAll(t, newCorpus(t, spec))
		if len(files) != spec.Files {
			t.Errorf("%+v: %d files", spec, len(files))
		}
		total, least, most := 0, math.MaxInt, 0
		for _, content := range files {
			total += len(content)
			least, most = min(least, len(content)), max(most, len(content))
			if !utf8.Valid(content) {
				t.Errorf("%+v: a file isn't UTF-8", spec)
			}
		}
		if int64(total) != spec.Bytes || most-least > 1 {
			t.Errorf("%+v: %d bytes in files of %d to %d", spec, total, least, most)
		}
	}
}

func TestACorpusThatDoesNotFitOnTheDiskIsNotBegun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "corpus")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Write(ctx, dir, Spec{Bytes: 1 << 60}, func(written int64) {
		if written > 0 {
			cancel()
		}
	})
	if !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), "1.0 EiB don't fit on the disk of ") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}

func TestNearlyTheWholeVocabularyOccurs(t *testing.T) {
	distinct := map[string]bool{}
	for _, content := range readAll(t, newCorpus(t, small)) {
		for _, word := range bytes.Fields(content) {
			distinct[string(word)] = true
		}
	}
	if n := len(distinct); n > small.Words || n < small.Words*95/100 {
		t.Errorf("%d different words, want about %d", n, small.Words)
	}
}

func TestProgressRisesToTheTotal(t *testing.T) {
	last := int64(-1)
	err := Write(t.Context(), filepath.Join(t.TempDir(), "c"), small, func(written int64) {
		if written <= last {
			t.Errorf("%d after %d", written, last)
		}
		last = written // a race, if calls came from several goroutines
	})
	if err != nil || last != small.Bytes {
		t.Errorf("%d bytes of %d written, error %v", last, small.Bytes, err)
	}
}

func TestWritingItAgainKeepsTheFiles(t *testing.T) {
	dir := newCorpus(t, small)
	before := stat(t, dir)
	var reports []int64
	if err := Write(t.Context(), dir, small, func(written int64) { reports = append(reports, written) }); err != nil {
		t.Fatal(err)
	}
	for i, after := range stat(t, dir) {
		if !os.SameFile(before[i], after) {
			t.Errorf("%s was written anew", after.Name())
		}
	}
	if len(reports) != 1 || reports[0] != small.Bytes {
		t.Errorf("progress said %d, want the total at once", reports)
	}
}

func TestACancelledWriteLeavesWholeFilesOnlyAndIsResumed(t *testing.T) {
	spec := small
	spec.Files = 40
	want := fingerprint(t, newCorpus(t, spec))
	dir := filepath.Join(t.TempDir(), "c")

	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // more writers could have begun all files
	ctx, cancel := context.WithCancel(t.Context())
	err := Write(ctx, dir, spec, func(written int64) {
		if written > spec.Bytes/4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Write = %v", err)
	}
	left := readAll(t, dir)
	if len(left) >= spec.Files {
		t.Errorf("all %d files are there", len(left))
	}
	for name, content := range left {
		if len(content) != 77_500 && len(content) != 77_501 {
			t.Errorf("%s has %d bytes", name, len(content))
		}
	}

	kept := stat(t, dir)
	if err := Write(t.Context(), dir, spec, nil); err != nil {
		t.Fatal(err)
	}
	if got := fingerprint(t, dir); got != want {
		t.Error("the resumed corpus is another one")
	}
	for _, before := range kept {
		if after, err := os.Stat(filepath.Join(dir, before.Name())); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s wasn't kept", before.Name())
		}
	}
}

func TestWhatAKilledWriteLeftIsWrittenOver(t *testing.T) {
	dir := newCorpus(t, small)
	part := filepath.Join(dir, "part-00001.txt")
	if err := os.Rename(part, part+unfinished); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), dir, small, nil); err != nil {
		t.Fatal(err)
	}
	if got := fingerprint(t, dir); got != golden {
		t.Error("the resumed corpus is another one")
	}
}

func TestAFolderWithAnythingElseIsRefusedAndLeftAlone(t *testing.T) {
	put := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := small
	other.Words++

	for name, c := range map[string]struct {
		empty  bool
		change func(*testing.T, string)
		spec   Spec
		says   string
	}{
		"somebody's files":   {true, put("thesis.txt", "dear reader"), small, "isn't empty"},
		"a part of no spec":  {true, put("part-00000.txt", ""), small, "isn't empty"},
		"another corpus":     {false, nil, other, "holds another corpus"},
		"a foreign file":     {false, put("notes.txt", "mine"), small, "notes.txt doesn't belong"},
		"a changed file":     {false, put("part-00002.txt", "mine"), small, "part-00002.txt isn't what was written"},
		"more files":         {false, put("part-00003.txt", "mine"), small, "part-00003.txt doesn't belong"},
		"a folder for files": {true, func(t *testing.T, dir string) { os.Mkdir(filepath.Join(dir, "part-00000.txt"), 0o755) }, small, "isn't empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "c")
			if c.empty {
				os.Mkdir(dir, 0o755)
			} else if err := Write(t.Context(), dir, small, nil); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(t, dir)
			}
			before := stat(t, dir)

			err := Write(t.Context(), dir, c.spec, nil)

			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Write = %v, want one line with %q", err, c.says)
			}
			after := stat(t, dir)
			if len(after) != len(before) {
				t.Fatalf("%d entries became %d", len(before), len(after))
			}
			for i := range after {
				if !os.SameFile(before[i], after[i]) {
					t.Errorf("%s was replaced", after[i].Name())
				}
			}
		})
	}
}

func TestABadSpecIsRefusedInOneLine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	for says, spec := range map[string]Spec{
		"-1 bytes":                 {Bytes: -1},
		"-2 files":                 {Files: -2},
		"100001 files":             {Files: 100_001},
		"a vocabulary of -3":       {Words: -3},
		"a vocabulary of 16777217": {Words: 1<<24 + 1},
		"a Zipf exponent of -1":    {Zipf: -1},
		"a Zipf exponent of 4.5":   {Zipf: 4.5},
		"a Zipf exponent of NaN":   {Zipf: math.NaN()},
		"a Zipf exponent of +Inf":  {Zipf: math.Inf(1)},
	} {
		err := Write(t.Context(), dir, spec, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "corpus: "+says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Write(%+v) = %v, want a line about %q", spec, err, says)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// newCorpus writes a corpus to a new folder.
func newCorpus(t *testing.T, spec Spec) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "c")
	if err := Write(t.Context(), dir, spec, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func stat(t *testing.T, dir string) (infos []os.FileInfo) {
	t.Helper()
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
	}
	return infos
}

func readAll(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, info := range stat(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, info.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[info.Name()] = content
	}
	return files
}

// fingerprint is of names and contents.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	all := sha256.New()
	files := readAll(t, dir)
	for _, info := range stat(t, dir) {
		one := sha256.Sum256(files[info.Name()])
		all.Write([]byte(info.Name()))
		all.Write(one[:])
	}
	return hex.EncodeToString(all.Sum(nil)[:16])
}
