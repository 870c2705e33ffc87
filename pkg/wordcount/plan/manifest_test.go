package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestManifestSurvivesBeingWritten(t *testing.T) {
	t.Parallel()
	m := Manifest{Inputs: []string{"/a\nb", "/c"}, Bytes: 7}
	m.Cuts = map[string][]int64{"/" + check.StrangeNames[6]: {1, 3, 5}, "/" + check.StrangeNames[3]: {2}}
	for i, name := range check.StrangeNames {
		m.Files = append(m.Files, input.File{Path: "/" + name, Size: int64(i), MTime: int64(i) - 3, Inode: uint64(i % 2), Whole: i%3 == 0})
		m.Bytes += int64(i)
	}
	m.Bytes -= 7
	var b strings.Builder
	n, err := m.WriteTo(&b)
	check.Must(t, err)
	for i, f := range m.Files {
		more := ""
		if f.MayGrow() {
			more = fmt.Sprintf("%d ", f.Inode)
		}
		switch {
		case i == 6:
			more += "cut:1,3,5 "
		case i == 3:
			more += "cut:2 "
		case f.Whole:
			more += "whole "
		}
		if line := fmt.Sprintf("\n%d %d %s%q\n", f.Size, f.MTime, more, f.Path); !strings.Contains(b.String(), line) {
			t.Errorf("%q is not in %q", line, b.String())
		}
	}
	if int(n) != b.Len() || strings.Count(b.String(), "\n") != 2+len(check.StrangeNames) {
		t.Errorf("%d bytes are %d, in %d lines", n, b.Len(), strings.Count(b.String(), "\n"))
	}
	again, err := ReadManifest(strings.NewReader(b.String()))
	check.Must(t, err)
	if !reflect.DeepEqual(again, m) {
		t.Errorf("%+v became %+v", m, again)
	}
}

func TestDamagedManifestIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"no quotes\n", "\"/root\"\n1 2\n", "\"/root\"\nx 2 \"/a\"\n", "\"/root\"\n1 x \"/a\"\n", "\"/root\"\n1 2 \"/a\n", "\"/root\"\n1 2 /a\n",
		"\"/root\"\n1 2 whole 3 \"/a\"\n", "\"/root\"\n1 2 whole 5 \"/a\"\n", "\"/root\"\n1 whole \"/a\"\n",
		"\"/root\"\n9 2 cut: \"/a\"\n", "\"/root\"\n9 2 cut:x \"/a\"\n", "\"/root\"\n9 2 cut:0 \"/a\"\n", "\"/root\"\n9 2 cut:9 \"/a\"\n",
		"\"/root\"\n9 2 cut:3,3 \"/a\"\n", "\"/root\"\n9 2 cut:3,2 \"/a\"\n", "\"/root\"\n9 2 cut:3, \"/a\"\n", "\"/root\"\n9 2 cut:3 whole \"/a\"\n",
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
		"size":  {func(path string) error { return check.Append(path, "more") }, "size was 1 bytes and is 5"},
		"time":  {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }, "modified"},
		"gone":  {os.Remove, "no such file"},
		"still": {func(string) error { return nil }, ""},
	} {
		dir := t.TempDir()
		for _, name := range []string{"a", "b", "c"} {
			check.Must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
		}
		m, _ := scanned(t, dir)
		changed := m.Files[1].Path
		check.Must(t, c.change(changed))
		got := m.Changed()
		if (got == nil) != (c.says == "") || got != nil && (got.Path != changed || !strings.Contains(got.How, c.says)) {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestAFileThatMayGrowHasNotChangedIfItGrew(t *testing.T) {
	t.Parallel()
	still := input.File{Path: "/f", Size: 10, MTime: 5}
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
		for f, says := range map[input.File]string{still: c.still, grows: c.growing} {
			err := f.Compare(input.Info{Regular: true, Size: c.size, Mtime: c.mtime, Inode: c.inode})
			changed, _ := errors.AsType[*input.ChangedError](err)
			if (changed == nil) != (says == "") || changed != nil && !strings.Contains(changed.How, says) {
				t.Errorf("%+v became %+v: %v, want %q", f, c, err, says)
			}
			if changed != nil && changed.Grew != (says == "so it grew") {
				t.Errorf("%+v became %+v: grew is %v", f, c, changed.Grew)
			}
		}
	}
}
