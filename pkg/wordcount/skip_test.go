package wordcount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// listed are the paths below a folder that a selection lists, and those that it skips, with the reason.
func listed(t *testing.T, dir string, sel Selection) (files, skipped []string) {
	t.Helper()
	m, err := Scan(dir, "", sel)
	must(t, err)
	below := func(path string) string {
		name, err := filepath.Rel(dir, path)
		must(t, err)
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

// folderOf makes a folder of files with these names; a name that ends in a slash is an empty folder.
func folderOf(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		if strings.HasSuffix(name, "/") {
			continue
		}
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("words"), 0o644))
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
		patterns, err := ParseGlobs(pattern)
		must(t, err)
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

func TestPatternsArePartedByCommasAndLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                      nil,
		" , \n,":                nil,
		"*.gz":                  {"*.gz"},
		"*.gz, .git\n/a b/,\n":  {"*.gz", ".git", "/a b/"},
		`*.{gz,z{1,2}},x\,y,\\`: {"*.{gz,z{1,2}}", `x\,y`, `\\`},
		"\\{,a":                 {"\\{", "a"},
	} {
		if got, err := ParseGlobs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestAMalformedPatternIsNamed(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"[a", "{a", "a{b,c", "!keep", "/", "//", `a\`, "[]", "a/[b/c"} {
		text := "*.gz,\n" + bad
		if _, err := ParseGlobs(text); err == nil || !strings.Contains(err.Error(), "pattern "+strconv.Quote(bad)) {
			t.Errorf("%q: %v", bad, err)
		}
		_, err := Scan(t.TempDir(), "", Selection{Exclude: []string{"*.gz", bad}})
		isError(t, err, ErrInput, "pattern "+strconv.Quote(bad))
	}
}

func TestAnExcludedFolderIsNeverOpened(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a", "in/a")
	loop := filepath.Join(dir, "in", "itself") // whatever it is, it isn't looked at
	must(t, os.Symlink(loop, loop))
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
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
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
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte(text), 0o600))
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

func TestAStateFolderAsARealJobLeavesItIsNoInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(1, 3))
	sealed := r.exact(bothModes[0])
	above := filepath.Dir(r.folder.Dir)
	must(t, os.Rename(r.folder.Dir, filepath.Join(r.input, "state of another")))
	r.folder = Folder{filepath.Join(above, "mine")}
	if again := r.exact(bothModes[0]); again.Tokens != sealed.Tokens || len(again.Skipped) != 1 || again.Skipped[0].Why != whyState {
		t.Errorf("%+v, before that %+v", again, sealed)
	}
	must(t, os.RemoveAll(r.input))
	must(t, os.Rename(filepath.Dir(r.server.DataDir), r.input))
	defer os.Rename(r.input, filepath.Dir(r.server.DataDir))
	if m, skipped := scan(t, r.input); len(m.Files) != 0 || len(skipped) != 1 {
		t.Errorf("of a server's folder: listed %v, skipped %v", m.Files, skipped)
	}
}

func TestWhatIsSkippedIsPartOfTheResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x", "b.gz": "y", "c.gz": "y", "d.gz": "y", "e.gz": "y", "with\nnewline\xff": "z\x00"})
	must(t, os.Symlink("nowhere", filepath.Join(r.input, "link")))
	o := bothModes[0]
	o.Selection = Selection{Exclude: []string{"*.gz"}, Skip: Skip{Binary: true}}
	sealed := r.exact(o)
	named := func(names ...string) (quoted []string) {
		for _, name := range names {
			quoted = append(quoted, strconv.Quote(filepath.Join(r.input, name)))
		}
		return quoted
	}
	want := []SkippedFor{
		{`excluded by "*.gz"`, 4, named("b.gz", "c.gz", "d.gz")},
		{whyDangling, 1, named("link")},
		{whyBinary, 1, named("with\nnewline\xff")},
	}
	if sealed.Files != 1 || !reflect.DeepEqual(sealed.Skipped, want) {
		t.Errorf("%+v, want %+v", sealed, want)
	}
	if line, want := want[0].String(), `4 (excluded by "*.gz"): `+strings.Join(named("b.gz", "c.gz", "d.gz"), ", ")+" and 1 more"; line != want {
		t.Errorf("said %s, want %s", line, want)
	}
	published, ok, err := r.folder.Sealed(r.plan.Job.ID)
	if !ok || err != nil || !reflect.DeepEqual(published, sealed) {
		t.Errorf("published %+v, %v, %v", published, ok, err)
	}
	list, err := os.ReadFile(r.folder.Skipped(r.plan.Job.ID))
	must(t, err)
	var lines strings.Builder
	for _, s := range r.plan.Manifest.Skipped {
		fmt.Fprintf(&lines, "%q %s\n", s.Path, s.Why)
	}
	if string(list) != lines.String() || strings.Count(lines.String(), "\n") != 6 {
		t.Errorf("the list is\n%s", list)
	}
	plan, err := r.folder.Last()
	must(t, err)
	if !reflect.DeepEqual(plan, r.plan) {
		t.Errorf("loaded %+v, want %+v", plan, r.plan)
	}

	// The same files are the same job, whatever else is there; and what else is there is told as it is now.
	must(t, os.Symlink("nowhere", filepath.Join(r.input, "other link")))
	must(t, os.Remove(filepath.Join(r.input, "b.gz")))
	r.prepare(o)
	again, fresh, err := r.sup.UpToDate(t.Context())
	must(t, err)
	if !fresh || again.Skipped[0].Count != 3 || again.Skipped[1].Count != 2 {
		t.Errorf("up to date: %v, %+v", fresh, again)
	}
	if plan, err := r.folder.Last(); err != nil || !slices.Equal(plan.Manifest.Skipped, r.plan.Manifest.Skipped) {
		t.Errorf("listed %v, %v", plan.Manifest.Skipped, err)
	}
	must(t, r.folder.Forget(r.plan.Job.ID))
	if _, err := os.Stat(r.folder.Skipped(r.plan.Job.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the list of a job that was forgotten: %v", err)
	}
}

func TestAListOfWhatWasSkippedThatIsDamagedIsWrittenAnew(t *testing.T) {
	t.Parallel()
	f := Folder{t.TempDir()}
	p := aPlan("one")
	p.Manifest.Skipped = []Skipped{{"/r/a\n", "why not"}}
	must(t, f.Save(p))
	for _, text := range []string{"no quotes\n", "\"/r/a\"\n", "\"/r/a\"why\n", "\"/r"} {
		must(t, os.WriteFile(f.Skipped(p.Job.ID), []byte(text), 0o600))
		if _, err := f.Last(); err == nil {
			t.Errorf("%q was read", text)
		}
		must(t, f.Save(p))
		if last, err := f.Last(); err != nil || !reflect.DeepEqual(last, p) {
			t.Errorf("%+v, %v", last, err)
		}
	}
	p.Manifest.Skipped = nil
	must(t, f.Save(p))
	if last, err := f.Last(); err != nil || len(last.Manifest.Skipped) > 0 {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestFault43AnInputOfWhichEverythingIsSkippedIsAnExactEmptyResult(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, map[string]string{"a": "\x00", "in/b": "words"})
		o.Selection = Selection{Exclude: []string{"in"}, Skip: Skip{Binary: true}}
		if sealed := r.exact(o); sealed.Files != 0 || sealed.Tokens != 0 || len(sealed.Skipped) != 2 {
			t.Errorf("%+v", sealed)
		}
	})
}

func TestWhatIsToBeSkippedIsUnreadableOrBinary(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Skip{
		"unreadable": {Unreadable: true}, "binary": {Binary: true}, "binary, unreadable": {true, true},
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
