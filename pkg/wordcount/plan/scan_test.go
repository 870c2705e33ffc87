package plan

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// scan lists a folder, and by the last names of their paths what isn't counted, with the reason.
func scan(t *testing.T, input string) (m Manifest, skipped map[string]string) {
	t.Helper()
	m, err := Scan(input, "", Selection{})
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
	m, _ := scan(t, dir)
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
	m, skipped := scan(t, dir)
	if len(m.Files) != files || len(skipped) != links {
		t.Fatalf("%d files and %d skipped", len(m.Files), len(skipped))
	}
	for i, f := range m.Files {
		if f.Path != filepath.Join(dir, fmt.Sprintf("%06d", i)) || f.Size != int64(i%100) || f.MTime == 0 {
			t.Errorf("file %d is %+v", i, f)
		}
	}
}

func TestCompressedFilesAreKnownByTheirContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, err := writer.Write([]byte("words"))
	check.Must(t, errors.Join(err, writer.Close()))
	for name, content := range map[string]string{
		"a log": zipped.String(), "b.zst": "\x28\xb5\x2f\xfd\x04\x00", "c.bz2": "BZh1\x31\x41\x59\x26\x53\x59\xd0", "d.bz2": "BZh9\x17\x72\x45\x38\x50\x90",
		"a.gz": "words", "b": "BZh9 is no word", "c": "BZh", "d": "\x1f", "e": "",
	} {
		check.Must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	m, _ := scan(t, dir)
	compressed := map[string]input.Compression{}
	for _, f := range m.Files {
		if f.Compression != input.Plain {
			compressed[filepath.Base(f.Path)] = f.Compression
		}
	}
	want := map[string]input.Compression{"a log": input.Gzip, "b.zst": input.Zstd, "c.bz2": input.Bzip2, "d.bz2": input.Bzip2}
	if len(m.Files) != 9 || !maps.Equal(compressed, want) || m.Compressed() != len(want) {
		t.Errorf("%d files; %v, want %v", len(m.Files), compressed, want)
	}
}

func TestTheStateOfOurJobsIsNotInput(t *testing.T) {
	t.Chdir(t.TempDir())
	check.Must(t, os.Mkdir(".wordcount", 0o700))
	check.Must(t, os.WriteFile(filepath.Join(".wordcount", "last"), []byte("job"), 0o600))
	check.Must(t, os.WriteFile("text", []byte("text"), 0o600))
	m, err := Scan(".", ".wordcount", Selection{})
	check.Must(t, err)
	if len(m.Files) != 1 || skips(m)[".wordcount"] != whyState {
		t.Errorf("listed %v, skipped %v", m.Files, m.Skipped)
	}
}

func TestFault39MissingInputIsNamed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no such folder")
	_, err := Scan(missing, "", Selection{})
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(missing), "exists")
}
