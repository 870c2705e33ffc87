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
		m.Files = append(m.Files, File{Path: "/" + name, Size: int64(i), MTime: int64(i) - 3, Inode: uint64(i % 2)})
		m.Bytes += int64(i)
	}
	m.Bytes -= 7
	var b strings.Builder
	n, err := m.WriteTo(&b)
	must(t, err)
	for _, f := range m.Files {
		inode := ""
		if f.mayGrow() {
			inode = fmt.Sprintf("%d ", f.Inode)
		}
		if line := fmt.Sprintf("\n%d %d %s%q\n", f.Size, f.MTime, inode, f.Path); !strings.Contains(b.String(), line) {
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
		"\"/root\"\n1 2 x \"/a\"\n", "\"/root\"\n1 2 3 4 \"/a\"\n",
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

func TestAFileThatMayGrowHasNotChangedIfItGrew(t *testing.T) {
	t.Parallel()
	still := File{Path: "/f", Size: 10, MTime: 5}
	grows := still
	grows.Inode = 7
	for _, c := range []struct {
		size, mtime    int64
		inode          uint64
		still, growing string
	}{
		{10, 5, 7, "", ""},
		{11, 6, 7, "so it grew", ""},
		{11, 5, 7, "so it grew", ""}, // the clock of a file system may be coarse
		{11, 4, 7, "size was 10 bytes and is 11", "size was 10 bytes and is 11"},
		{9, 6, 7, "size was 10 bytes and is 9", "size was 10 bytes and is 9"},
		{0, 6, 7, "is 0", "is 0"},
		{10, 6, 7, "modified", "modified"},
		{10, 5, 8, "", "another file took its place"},
		{11, 6, 8, "so it grew", "another file took its place"},
	} {
		for f, says := range map[File]string{still: c.still, grows: c.growing} {
			how := f.compare(found{regular: true, size: c.size, mtime: c.mtime, inode: c.inode})
			if (how == "") != (says == "") || !strings.Contains(how, says) {
				t.Errorf("%+v became %+v: %q, want %q", f, c, how, says)
			}
			if advised := strings.Contains(orPlanned(how), "WORDCOUNT_GROWING=planned"); advised != (says == "so it grew") {
				t.Errorf("%q is answered with %q", how, orPlanned(how))
			}
		}
	}
}

func TestJobIsNamedByAllThatGivesATaskItsMeaning(t *testing.T) {
	t.Parallel()
	base := Manifest{Root: "/r", Files: []File{{Path: "/r/a", Size: 100, MTime: 1}, {Path: "/r/b", Size: 0, MTime: 2}}, Bytes: 100}
	id := func(m Manifest, o Options) string { return NewPlan(m, o).Job.ID }
	seen := map[string]string{}
	for what, job := range map[string]string{
		"base":           id(base, Options{Split: 10, Reducers: 2}),
		"another split":  id(base, Options{Split: 11, Reducers: 2}),
		"more reducers":  id(base, Options{Split: 10, Reducers: 3}),
		"map only":       id(base, Options{Split: 10, Reducers: MapOnly}),
		"another size":   id(Manifest{Root: "/r", Files: []File{{Path: "/r/a", Size: 101, MTime: 1}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"another time":   id(Manifest{Root: "/r", Files: []File{{Path: "/r/a", Size: 100, MTime: 2}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"another path":   id(Manifest{Root: "/r", Files: []File{{Path: "/r/A", Size: 100, MTime: 1}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"may grow":       id(Manifest{Root: "/r", Files: []File{{Path: "/r/a", Size: 100, MTime: 1, Inode: 1}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"one file fewer": id(Manifest{Root: "/r", Files: []File{{Path: "/r/a", Size: 100, MTime: 1}}}, Options{Split: 10, Reducers: 2}),
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
	m := Manifest{Files: []File{{Path: "/a", Size: 25, MTime: 1}, {Path: "/empty", Size: 0, MTime: 1}, {Path: "/b", Size: 10, MTime: 1}}, Bytes: 35}
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
		m.Files = append(m.Files, File{Path: fmt.Sprintf("/%06d", i), Size: size, MTime: int64(i)})
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
	split := Split{File{Path: "/a b\n", Size: 10, MTime: 1}, 2, 5, nil}
	for range 3 {
		got, err := parseEntry(split.entry())
		must(t, err)
		if !reflect.DeepEqual(got, split) {
			t.Errorf("%v became %v", split, got)
		}
		split.More = append(split.More, File{Path: "/\xff", Size: int64(len(split.More)), MTime: -3, Inode: ^uint64(len(split.More))})
	}
	for paths, numbers := range map[string]string{"/a": "0 1 1 5", "/a\x00/b": "0 1 1 5 0", "/b": "0 1 1 5 0 0 1 1 5 0", "/c": "0 1 x 5 0", "/d": "0 1 1 5 -1"} {
		if got, err := parseEntry(paths, numbers); err == nil {
			t.Errorf("%q and %q are %v", paths, numbers, got)
		}
	}
}
