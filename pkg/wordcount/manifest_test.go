package wordcount

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestManifestSurvivesBeingWritten(t *testing.T) {
	t.Parallel()
	m := Manifest{Root: "/a\nb", Bytes: 7}
	for i, name := range strangeNames {
		m.Files = append(m.Files, File{Path: "/" + name, Size: int64(i), MTime: int64(i) - 3})
		m.Bytes += int64(i)
	}
	m.Bytes -= 7
	var b strings.Builder
	n, err := m.WriteTo(&b)
	must(t, err)
	for _, f := range m.Files {
		if line := fmt.Sprintf("\n%d %d %q\n", f.Size, f.MTime, f.Path); !strings.Contains(b.String(), line) {
			t.Errorf("%q is not in %q", line, b.String())
		}
	}
	if int(n) != b.Len() || strings.Count(b.String(), "\n") != 1+len(strangeNames) {
		t.Errorf("%d bytes are %d, in %d lines", n, b.Len(), strings.Count(b.String(), "\n"))
	}
	again, err := ReadManifest(strings.NewReader(b.String()))
	must(t, err)
	if !reflect.DeepEqual(again, m) {
		t.Errorf("%+v became %+v", m, again)
	}
}

func TestDamagedManifestIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"no quotes\n", "\"/root\"\n1 2\n", "\"/root\"\nx 2 \"/a\"\n", "\"/root\"\n1 x \"/a\"\n", "\"/root\"\n1 2 \"/a\n", "\"/root\"\n1 2 /a\n",
	} {
		if m, err := ReadManifest(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "manifest line") {
			t.Errorf("%q became %+v, %v", text, m, err)
		}
	}
}

func TestManifestTellsWhichFileChangedAndHow(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change func(path string) error
		says   string
	}{
		"size":  {func(path string) error { return appendTo(path, "more") }, "size was 1 bytes and is 5"},
		"time":  {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }, "modified"},
		"gone":  {os.Remove, "no such file"},
		"still": {func(string) error { return nil }, ""},
	} {
		dir := t.TempDir()
		for _, name := range []string{"a", "b", "c"} {
			must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
		}
		m, _ := scan(t, dir)
		changed := m.Files[1].Path
		must(t, c.change(changed))
		path, how := m.Changed()
		if c.says == "" {
			changed = ""
		}
		if path != changed || !strings.Contains(how, c.says) || (how == "") != (c.says == "") {
			t.Errorf("%s: %q: %s", what, path, how)
		}
	}
}

func TestJobIsNamedByAllThatGivesATaskItsMeaning(t *testing.T) {
	t.Parallel()
	base := Manifest{Root: "/r", Files: []File{{"/r/a", 100, 1}, {"/r/b", 0, 2}}, Bytes: 100}
	id := func(m Manifest, o Options) string { return NewPlan(m, o).Job.ID }
	seen := map[string]string{}
	for what, job := range map[string]string{
		"base":           id(base, Options{Split: 10, Reducers: 2}),
		"another split":  id(base, Options{Split: 11, Reducers: 2}),
		"more reducers":  id(base, Options{Split: 10, Reducers: 3}),
		"map only":       id(base, Options{Split: 10, Reducers: MapOnly}),
		"another size":   id(Manifest{Root: "/r", Files: []File{{"/r/a", 101, 1}, {"/r/b", 0, 2}}}, Options{Split: 10, Reducers: 2}),
		"another time":   id(Manifest{Root: "/r", Files: []File{{"/r/a", 100, 2}, {"/r/b", 0, 2}}}, Options{Split: 10, Reducers: 2}),
		"another path":   id(Manifest{Root: "/r", Files: []File{{"/r/A", 100, 1}, {"/r/b", 0, 2}}}, Options{Split: 10, Reducers: 2}),
		"one file fewer": id(Manifest{Root: "/r", Files: []File{{"/r/a", 100, 1}}}, Options{Split: 10, Reducers: 2}),
	} {
		if other, ok := seen[job]; ok {
			t.Errorf("%s has the name of %s", what, other)
		}
		seen[job] = what
	}
	if id(base, Options{Split: 10, Reducers: 2}) != id(base, Options{Split: 10, Reducers: 2}) {
		t.Error("a job has two names")
	}
}

func TestSplitsOfAPlanCoverEachFileOnce(t *testing.T) {
	t.Parallel()
	m := Manifest{Files: []File{{"/a", 25, 1}, {"/empty", 0, 1}, {"/b", 10, 1}}, Bytes: 35}
	for split, want := range map[int64]int{10: 5, 25: 3, 1: 36, 1000: 3, WholeFiles: 3} {
		covered := map[string]int64{}
		splits := NewPlan(m, Options{Split: split, Reducers: 1}).Splits()
		for _, s := range splits {
			if s.Off != covered[s.Path] {
				t.Errorf("split %d: %s goes on at %d after %d", split, s.Path, s.Off, covered[s.Path])
			}
			covered[s.Path] += s.Len
		}
		if len(splits) != want || covered["/a"] != 25 || covered["/b"] != 10 {
			t.Errorf("split %d: %d splits, want %d; %v", split, len(splits), want, covered)
		}
	}
}

func TestOfVeryManyFilesSmallOnesGoTogether(t *testing.T) {
	t.Parallel()
	var m Manifest
	for i := range 3 * manySplits {
		size := int64(i % 7)
		if i%1000 == 0 {
			size = smallFile + 1
		}
		m.Files = append(m.Files, File{fmt.Sprintf("/%06d", i), size, int64(i)})
	}
	for split, large := range map[int64]bool{WholeFiles: true, 1 << 20: true, smallFile: false, 3: false} {
		splits := NewPlan(m, Options{Split: split, Reducers: 1}).Splits()
		var files []File
		covered := int64(0)
		for _, s := range splits {
			for part := range s.Parts() {
				if part.Off == 0 {
					files, covered = append(files, part.File), 0
				}
				if part.Off != covered || part.File != files[len(files)-1] {
					t.Fatalf("split %d: %v at %d after %v to %d", split, part.File, part.Off, files[len(files)-1], covered)
				}
				if covered += part.Len; len(s.More) > 0 && (part.Len != part.Size || part.Size > smallFile) {
					t.Fatalf("split %d: %d bytes of %v are not alone", split, part.Len, part.File)
				}
			}
			if len(s.More) > 3 {
				t.Fatalf("split %d: %d files go together", split, 1+len(s.More))
			}
		}
		if !slices.Equal(files, m.Files) {
			t.Errorf("split %d: the splits have other files than the manifest", split)
		}
		if large && len(splits) > manySplits {
			t.Errorf("split %d: %d splits", split, len(splits))
		}
	}
}

func TestASplitCanBeReadFromItsEntry(t *testing.T) {
	t.Parallel()
	split := Split{File{"/a b\n", 10, 1}, 2, 5, nil}
	for range 3 {
		got, err := parseEntry(split.entry())
		must(t, err)
		if !reflect.DeepEqual(got, split) {
			t.Errorf("%v became %v", split, got)
		}
		split.More = append(split.More, File{"/\xff", int64(len(split.More)), -3})
	}
	for paths, numbers := range map[string]string{"/a": "0 1 1", "/a\x00/b": "0 1 1 5", "/b": "0 1 1 5 0 1 1 5", "/c": "0 1 x 5"} {
		if got, err := parseEntry(paths, numbers); err == nil {
			t.Errorf("%q and %q are %v", paths, numbers, got)
		}
	}
}
