package plan

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan/glob"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// listed are the paths below a folder that a selection lists, and those that it skips, with the
// reason.
func listed(t *testing.T, dir string, sel Selection) (files, skipped []string) {
	t.Helper()
	m, err := Scan(t.Context(), []string{dir}, "", Options{Selection: sel})
	check.Must(t, err)
	below := func(path string) string {
		name, err := filepath.Rel(dir, path)
		check.Must(t, err)
		return name
	}
	for _, f := range m.Files {
		files = append(files, below(f.Path))
	}
	for _, s := range m.Skipped {
		skipped = append(skipped, below(s.Path)+": "+s.Why)
	}
	return files, skipped
}

// folderOf makes a folder of files with these names; a name that ends in a slash is an empty
// folder.
func folderOf(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		check.Must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		if strings.HasSuffix(name, "/") {
			continue
		}
		check.Must(t, os.WriteFile(filepath.Join(dir, name), []byte("words"), 0o644))
	}
	return dir
}

func TestPatternsMeanWhatTheyMeanInGitignore(t *testing.T) {
	t.Parallel()
	all := []string{"a/b/c.log", "a/b/d.gz", "a/c.log", "b/a/x", "c.log", "d.gz/x", "x,y", "{", "\xff.gz", ".git/x"}
	dir := folderOf(t, all...)
	for pattern, left := range map[string][]string{
		"*.gz":         {"a/b/d.gz", "d.gz/x", "\xff.gz"},
		"/*.gz":        {"d.gz/x", "\xff.gz"},
		"*.gz/":        {"d.gz/x"},
		"c.log":        {"a/b/c.log", "a/c.log", "c.log"},
		"/c.log":       {"c.log"},
		"a":            {"a/b/c.log", "a/b/d.gz", "a/c.log", "b/a/x"},
		"/a":           {"a/b/c.log", "a/b/d.gz", "a/c.log"},
		"a/*.log":      {"a/c.log"},
		"a/**/*.log":   {"a/b/c.log", "a/c.log"},
		"**/b":         {"a/b/c.log", "a/b/d.gz", "b/a/x"},
		"a/**":         {"a/b/c.log", "a/b/d.gz", "a/c.log"},
		"*/b/":         {"a/b/c.log", "a/b/d.gz"},
		".*":           {".git/x"},
		"*.{gz,log}":   {"a/b/c.log", "a/b/d.gz", "a/c.log", "c.log", "d.gz/x", "\xff.gz"},
		"[cx].log":     {"a/b/c.log", "a/c.log", "c.log"},
		"?.log":        {"a/b/c.log", "a/c.log", "c.log"},
		`x\,y`:         {"x,y"},
		`\{`:           {"{"},
		"nothing":      nil,
		"b/*/nothing/": nil,
		"**":           all,
	} {
		patterns, err := glob.ParseList(pattern)
		check.Must(t, err)
		if len(patterns) != 1 {
			t.Errorf("%q is %q", pattern, patterns)
		}
		files, skipped := listed(t, dir, Selection{Exclude: patterns})
		want := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(left, name) })
		slices.Sort(want)
		if !slices.Equal(files, want) {
			t.Errorf("%s leaves %q, want %q", pattern, files, want)
		}
		for _, s := range skipped {
			if !strings.HasSuffix(s, ": excluded by "+strconv.Quote(pattern)) {
				t.Errorf("%s: %s", pattern, s)
			}
		}
		if (len(skipped) > 0) != (len(left) > 0) {
			t.Errorf("%s: skipped %q", pattern, skipped)
		}
	}
}

func TestAMalformedPatternIsNamed(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"[a", "{a", "a{b,c", "!keep", "/", "//", `a\`, "[]", "a/[b/c"} {
		text := "*.gz,\n" + bad
		if _, err := glob.ParseList(text); err == nil || !strings.Contains(err.Error(), "pattern "+strconv.Quote(bad)) {
			t.Errorf("%q: %v", bad, err)
		}
		_, err := Scan(t.Context(), []string{t.TempDir()}, "", Options{Selection: Selection{Exclude: []string{"*.gz", bad}}})
		check.IsError(t, err, protocol.ErrInput, "pattern "+strconv.Quote(bad))
	}
}

func TestAnExcludedFolderIsNeverOpened(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a", "in/a")
	loop := filepath.Join(dir, "in", "itself") // whatever it is, it isn't looked at
	check.Must(t, os.Symlink(loop, loop))
	files, skipped := listed(t, dir, Selection{Exclude: []string{"in"}})
	if !slices.Equal(files, []string{"a"}) || !slices.Equal(skipped, []string{`in: excluded by "in"`}) {
		t.Errorf("listed %q, skipped %q", files, skipped)
	}
}

func TestTheInputItselfIsNeverExcluded(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "in/a")
	for _, input := range []string{"in", "in/a"} {
		if files, skipped := listed(t, filepath.Join(dir, input), Selection{Exclude: []string{"in", "a/", "/in", "in/a"}}); len(files) != 1 || len(skipped) != 0 {
			t.Errorf("listed %q, skipped %q", files, skipped)
		}
	}
}

func TestBinaryFilesAreSkippedOnlyIfAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"text": "words", "empty": "", "nul": "a\x00b", "first": "\x00",
		"late":   strings.Repeat("x ", binaryWithin/2) + "\x00",
		"edge":   strings.Repeat("x", binaryWithin-1) + "\x00",
		"latin1": "caf\xe9",
	} {
		check.Must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	if files, skipped := listed(t, dir, Selection{}); len(files) != 7 || len(skipped) != 0 {
		t.Errorf("listed %q, skipped %q", files, skipped)
	}
	files, skipped := listed(t, dir, Selection{Skip: Skip{Binary: true}})
	if !slices.Equal(files, []string{"empty", "late", "latin1", "text"}) ||
		!slices.Equal(skipped, []string{"edge: binary", "first: binary", "nul: binary"}) {
		t.Errorf("listed %q, skipped %q", files, skipped)
	}
}

func TestOfACompressedFileItsContentsSayWhetherItIsBinary(t *testing.T) {
	t.Parallel()
	dir := check.Folder(t, map[string]string{
		"text.gz": string(check.Gzip(t, "words")), "empty.zst": string(check.Zstd(t, "")), "text.bz2": string(check.Bzip2),
		"nul.gz": string(check.Gzip(t, "a", "\x00b")), "nul.zst": string(check.Zstd(t, "\x00")),
		"late.gz":    string(check.Gzip(t, strings.Repeat("x ", binaryWithin/2)+"\x00")),
		"cut.gz":     string(check.Gzip(t, "words")[:12]), // a worker says so
		"nul-cut.gz": string(check.Gzip(t, "\x00", "words")[:30]),
	})
	files, skipped := listed(t, dir, Selection{Skip: Skip{Binary: true}})
	if !slices.Equal(files, []string{"cut.gz", "empty.zst", "late.gz", "text.bz2", "text.gz"}) ||
		!slices.Equal(skipped, []string{"nul-cut.gz: binary", "nul.gz: binary", "nul.zst: binary"}) {
		t.Errorf("listed %q, skipped %q", files, skipped)
	}
}

func TestStateFoldersOfOthersAreNoInput(t *testing.T) {
	t.Parallel()
	const name = "0123456789abcdef\n"
	for _, c := range []struct {
		state bool
		files map[string]string
	}{
		{true, map[string]string{"jobs/0123456789abcdef/plan": "{}", "last": name}},
		{true, map[string]string{"jobs/0123456789abcdef/plan": "{}", "last": name + "and more\n"}},
		{true, map[string]string{"redis/server.json": "{}", "redis/password": "secret"}},
		{true, map[string]string{"redis/lock": "", "redis/password": "secret"}}, // its server was stopped
		{false, map[string]string{"redis/redis.log": "text"}},
		{false, map[string]string{"redis/password": "no job's"}},
		{false, map[string]string{"jobs/a": "text"}},
		{false, map[string]string{"last": name}},
		{false, map[string]string{"jobs/a": "text", "last": "words of somebody's"}},
		{false, map[string]string{"jobs/a": "text", "last": "0123456789abcdeg\n"}},
		{false, map[string]string{"jobs": "a file", "last": name}},
		{false, map[string]string{"redis": "a file", "jobs/a": "text"}},
	} {
		dir := folderOf(t, "text", "in/it/text")
		state := filepath.Join(dir, "in", "it", "some name")
		for name, text := range c.files {
			path := filepath.Join(state, name)
			check.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			check.Must(t, os.WriteFile(path, []byte(text), 0o600))
		}
		files, skipped := listed(t, dir, Selection{})
		want := 2
		if !c.state {
			want += len(c.files)
		}
		if len(files) != want || c.state != slices.Equal(skipped, []string{"in/it/some name: " + whyState}) {
			t.Errorf("%v: listed %q, skipped %q", c.files, files, skipped)
		}
	}
}

func TestWhatIsToBeSkippedIsUnreadableOrBinary(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Skip{
		"unreadable": {Unreadable: true}, "binary": {Binary: true}, "binary, unreadable": {Unreadable: true, Binary: true},
	} {
		if got, err := ParseSkip(text); got != want || err != nil {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "hidden", "unreadable,", "unreadable binary", "Binary"} {
		if got, err := ParseSkip(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
