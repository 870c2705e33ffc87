package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// scanned lists a folder, and by the last names of their paths what isn't counted, with the reason.
func scanned(t *testing.T, input string) (m Manifest, skipped map[string]string) {
	t.Helper()
	m, err := Scan(t.Context(), []string{input}, "", Options{})
	check.Must(t, err)
	return m, skips(m)
}

func skips(m Manifest) map[string]string {
	skipped := map[string]string{}
	for _, s := range m.Skipped {
		skipped[filepath.Base(s.Path)] = s.Why
	}
	return skipped
}

func TestManifestIsSortedByTheBytesOfItsPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b", "a/z", "a b", "B", "a", "é"} {
		if name == "a" {
			continue
		}
		path := filepath.Join(dir, name)
		check.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check.Must(t, os.WriteFile(path, []byte(name), 0o644))
	}
	m, _ := scanned(t, dir)
	var names []string
	bytes := int64(0)
	for _, f := range m.Files {
		name, err := filepath.Rel(dir, f.Path)
		check.Must(t, err)
		names, bytes = append(names, name), bytes+f.Size
	}
	if want := []string{"B", "a b", "a/z", "b", "é"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if m.Bytes != bytes || bytes != 10 {
		t.Errorf("%d bytes, the files have %d", m.Bytes, bytes)
	}
}

// Enough for several batches, that are looked at while the rest is found.
func TestOfManyFilesEachIsLookedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const files, links = 3 * lookAtOnce, 10
	for i := range files {
		check.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d", i)), []byte(strings.Repeat("a", i%100)), 0o644))
	}
	for i := range links {
		check.Must(t, os.Symlink("nowhere", filepath.Join(dir, fmt.Sprintf("link %d", i))))
	}
	m, skipped := scanned(t, dir)
	if len(m.Files) != files || len(skipped) != links {
		t.Fatalf("%d files and %d skipped", len(m.Files), len(skipped))
	}
	for i, f := range m.Files {
		if f.Path != filepath.Join(dir, fmt.Sprintf("%06d", i)) || f.Size != int64(i%100) || f.MTime == 0 {
			t.Errorf("file %d is %+v", i, f)
		}
	}
}

// Of other files, their readers find out how they are compressed.
func TestOnlyFilesThatWouldBeCutAreLookedInto(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	zipped := string(check.Gzip(t, check.Words(100)))
	for name, content := range map[string]string{
		"a log": zipped, "b.zst": string(check.Zstd(t, check.Words(100))), "c.bz2": string(check.Bzip2), "small": string(check.Gzip(t, "words")),
		"a.gz": strings.Repeat("words ", 100), "b": "BZh9 is no word" + strings.Repeat(" at all", 100), "c": "BZh", "e": "",
	} {
		check.Must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	for split, want := range map[int64][]string{100: {"a log", "b.zst", "c.bz2"}, int64(len(zipped)): nil, 0: nil} {
		m, err := Scan(t.Context(), []string{dir}, "", Options{Split: split, WholeFiles: split == 0})
		check.Must(t, err)
		var whole []string
		for _, f := range m.Files {
			if f.Whole {
				whole = append(whole, filepath.Base(f.Path))
			}
		}
		if split == int64(len(zipped)) {
			whole = slices.DeleteFunc(whole, func(name string) bool { return name == "b.zst" || name == "c.bz2" }) // they may be larger
		}
		if len(m.Files) != 8 || !slices.Equal(whole, want) {
			t.Errorf("split %d: %d files; %q are never cut, want %q", split, len(m.Files), whole, want)
		}
	}
}

func TestASeekableFileIsCutIfItIsLargeEnoughAndItsFormatCanBeCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts := slices.Repeat([]string{check.Words(100)}, 20)
	data := check.SeekableZstd(texts...)
	frame := int64(len(check.Frame(texts[0])))
	check.Must(t, os.WriteFile(filepath.Join(dir, "seekable"), data, 0o644))
	check.Must(t, os.WriteFile(filepath.Join(dir, "without"), data[:20*frame], 0o644))
	for cuts, options := range map[int][]Options{
		19: {{Split: 1}, {Split: 2*frame - 1}, {Split: 1, Field: "csv-lines:1"}, {Split: 1, Selection: Selection{Skip: Skip{Binary: true}}}},
		9:  {{Split: 2 * frame}},
		1:  {{Split: 19 * frame}},
		0:  {{Split: 20 * frame}, {}, {WholeFiles: true}, {Direct: true}, {Split: 1, Field: "csv:1"}, {Split: int64(len(data))}},
	} {
		for _, o := range options {
			m, err := Scan(t.Context(), []string{dir}, "", o)
			check.Must(t, err)
			got := m.Cuts[filepath.Join(dir, "seekable")]
			if len(got) != cuts || len(m.Cuts) != min(cuts, 1) || cuts > 0 && got[0]%frame != 0 {
				t.Errorf("%+v: %v", o, m.Cuts)
			}
			if cuts > 0 && !(m.Files[0].Whole && m.Files[1].Whole) {
				t.Errorf("%+v: %+v", o, m.Files)
			}
		}
	}
}

func TestTheStateOfOurJobsIsNotInput(t *testing.T) {
	t.Chdir(t.TempDir())
	check.Must(t, os.Mkdir(".wordcount", 0o700))
	check.Must(t, os.WriteFile(filepath.Join(".wordcount", "last"), []byte("job"), 0o600))
	check.Must(t, os.WriteFile("text", []byte("text"), 0o600))
	m, err := Scan(t.Context(), []string{"."}, ".wordcount", Options{})
	check.Must(t, err)
	if len(m.Files) != 1 || skips(m)[".wordcount"] != whyState {
		t.Errorf("listed %v, skipped %v", m.Files, m.Skipped)
	}
}

func TestFault39MissingInputIsNamed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no such folder")
	_, err := Scan(t.Context(), []string{missing}, "", Options{})
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(missing), "exists")
}
