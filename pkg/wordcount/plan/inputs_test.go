package plan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// found are the paths below a folder that inputs lead to. Inputs are below the folder, too.
func found(t *testing.T, dir string, inputs ...string) []string {
	t.Helper()
	for i, name := range inputs {
		inputs[i] = dir + "/" + name
	}
	m, err := Scan(t.Context(), inputs, "", Options{})
	check.Must(t, err)
	var files []string
	for _, f := range m.Files {
		files = append(files, strings.TrimPrefix(f.Path, dir+"/"))
	}
	return files
}

func TestSeveralInputsAreCountedOncePerPath(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a/1", "a/b/2", "c/3", "4")
	for _, c := range []struct{ inputs, want []string }{
		{[]string{"a", "c"}, []string{"a/1", "a/b/2", "c/3"}},
		{[]string{"c", "a/b/2", "a", "c/../c/3", "a/b"}, []string{"a/1", "a/b/2", "c/3"}},
		{[]string{"4", "4", "**/2"}, []string{"4", "a/b/2"}},
	} {
		if got := found(t, dir, c.inputs...); !slices.Equal(got, c.want) {
			t.Errorf("%q are %q, want %q", c.inputs, got, c.want)
		}
	}
	check.Must(t, os.Symlink("1", filepath.Join(dir, "a", "link"))) // another path
	if got := found(t, dir, "a", "a/1"); !slices.Equal(got, []string{"a/1", "a/b/2", "a/link"}) {
		t.Errorf("with a link: %q", got)
	}
}

func TestTheOrderOfInputsMakesNoOtherJob(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a", "b")
	id := func(names ...string) string {
		m, err := Scan(t.Context(), names, "", Options{})
		check.Must(t, err)
		return New(m, Options{}).Job.ID
	}
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if id(a, b) != id(b, a, b) {
		t.Error("another order is another job")
	}
	if id(a, b) == id(a) {
		t.Error("fewer inputs are the same job")
	}
}

func TestAPatternIsWhatItMatchesAndFoldersWithAllInThem(t *testing.T) {
	t.Parallel()
	all := []string{"a/b/c.log", "a/b/d.gz", "a/c.log", "b/a/x", "c.log", "d.gz/x", ".git/.x", ".y"}
	dir := folderOf(t, all...)
	slices.Sort(all)
	for pattern, want := range map[string][]string{
		"*.log":         {"c.log"},
		"**/*.log":      {"a/b/c.log", "a/c.log", "c.log"},
		"a/**":          {"a/b/c.log", "a/b/d.gz", "a/c.log"},
		"*/b":           {"a/b/c.log", "a/b/d.gz"},
		"?":             {"a/b/c.log", "a/b/d.gz", "a/c.log", "b/a/x"},
		"[bc]*":         {"b/a/x", "c.log"},
		"{a/b,b}/*":     {"a/b/c.log", "a/b/d.gz", "b/a/x"},
		"**/*.gz":       {"a/b/d.gz", "d.gz/x"},
		"*":             all, // hidden ones, too
		"**":            all,
		"**/.*":         {".git/.x", ".y"},
		`a/b\/*.{gz,x}`: {"a/b/d.gz"},
	} {
		if got := found(t, dir, pattern); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", pattern, got, want)
		}
	}
	_, err := Scan(t.Context(), []string{dir + "/**/*.txt"}, "", Options{})
	check.IsError(t, err, protocol.ErrInput, "no file and no folder matches", `/**/*.txt"`)
	_, err = Scan(t.Context(), []string{dir + "/[a"}, "", Options{})
	check.IsError(t, err, protocol.ErrInput, "doesn't exist, and as a pattern it is malformed")
	_, err = Scan(t.Context(), []string{dir + "/none/*"}, "", Options{})
	check.IsError(t, err, protocol.ErrInput, "begins in a folder that doesn't exist")
}

func TestWhatExistsAsItIsWrittenIsNoPattern(t *testing.T) {
	t.Parallel()
	names := []string{"*", "a,b", "[x]/{y}", "q?", `back\slash`, "@list"}
	dir := folderOf(t, append(names, "other", "x", "q1")...)
	for _, name := range names {
		if got := found(t, dir, name); !slices.Equal(got, []string{name}) {
			t.Errorf("%q is %q", name, got)
		}
	}
	// A pattern keeps its meaning in a folder whose path looks like one.
	m, err := Scan(t.Context(), []string{dir + `/\[x]/*`}, "", Options{})
	check.Must(t, err)
	again, err := Scan(t.Context(), m.Inputs, "", Options{})
	if check.Must(t, err); len(m.Files) != 1 || !slices.Equal(again.Files, m.Files) {
		t.Errorf("%q leads to %v, then to %v", m.Inputs, m.Files, again.Files)
	}
}

func TestExcludedFilesAreCountedIfAnotherInputNamesThem(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a/x.gz", "a/y.gz", "a/z")
	m, err := Scan(t.Context(), []string{dir, dir + "/a/x.gz"}, "", Options{Selection: Selection{Exclude: []string{"*.gz"}}})
	check.Must(t, err)
	if len(m.Files) != 2 || len(m.Skipped) != 1 || !strings.HasSuffix(m.Skipped[0].Path, "/a/y.gz") {
		t.Errorf("counted %v, skipped %v", m.Files, m.Skipped)
	}
}

func TestLinksToFoldersAreNotFollowedByPatterns(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "real/x", "in/y")
	check.Must(t, os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "in", "link")))
	if got := found(t, dir, "in/**"); !slices.Equal(got, []string{"in/y"}) {
		t.Errorf("%q", got)
	}
	if got := found(t, dir, "in/link/*"); !slices.Equal(got, []string{"real/x"}) { // it is named itself
		t.Errorf("%q", got)
	}
}

func TestFault62ARootHoldsWhatItsInputHas(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(folderOf(t, "logs/a/x.gz", "logs/b", "other/x.gz"))
	check.Must(t, err)
	for input, holds := range map[string]map[string]bool{
		dir + "/logs":         {dir + "/logs/a/x.gz": true, dir + "/logs": true, dir + "/logs2": false, dir + "/other/x.gz": false},
		dir + "/logs/**/*.gz": {dir + "/logs/a/x.gz": true, dir + "/logs/b": false, dir + "/other/x.gz": false, dir + "/logs": false},
		dir + "/*/a":          {dir + "/logs/a/x.gz": true, dir + "/logs/b": false},
		"s3://bucket":         {"s3://bucket/any/key": true, "s3://bucket2/any": false, "/bucket/any": false},
		"s3://bucket/logs":    {"s3://bucket/logs": true, "s3://bucket/logs/x": true, "s3://bucket/logs2": false, "s3://bucket/a": false},
		"s3://bucket/l*/x*":   {"s3://bucket/logs/x1": true, "s3://bucket/logs/x/y": true, "s3://bucket/logs/y": false, "s3://other/logs/x1": false},
		"s3:":                 {"s3://bucket/key": false},
	} {
		root := RootOf(input)
		for path, want := range holds {
			if got := root.Holds(path); got != want {
				t.Errorf("%s holds %s: %v", input, path, got)
			}
		}
	}
}
