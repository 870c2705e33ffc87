package targets_test

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault67ExportWritesToTheOpenStandardOutput(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	// This link leads to a pipe of the test. Never may one lead to a device of the machine: where the code is wrong, or
	// its guard is taken out on purpose, Root would replace that.
	link := filepath.Join(f.dir, "out")
	check.Must(t, os.Symlink("/proc/self/fd/1", link))
	if r := f.exits(0, "export", "-out=out"); r.out != f.counted() {
		t.Errorf("as its standard output it is written %q", r.out)
	}
	info, err := os.Lstat(link)
	check.Must(t, err)
	if info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is now %v", info.Mode())
	}
}

func TestFault67ExportHonoursTheUmask(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	for umask, want := range map[string]fs.FileMode{"077": 0o600, "027": 0o640, "002": 0o664} {
		name := "counts-" + umask + ".tsv"
		f.startCommand(exec.Command("sh", "-c", `umask "$1" && exec "$0" export -out="$2"`, f.program, umask, name)).exits(0)
		info, err := os.Stat(filepath.Join(f.dir, name))
		check.Must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

func TestEachFormatHasTheWholeResult(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(2)
	f.write("data/quoted.txt", "\"a,b\" \"a,b\" it's \\n =1+1 caf\xe9")
	contains(t, f.exits(2, "export", "-format=xml").err, `there is no format "xml": write tsv, csv or jsonl`)
	f.exits(0, "run")
	f.exact()
	if got := f.exits(0, "export", "-format=tsv").out; got != f.counted() {
		t.Errorf("tsv isn't what is written without a format:\n%s", head(got))
	}

	var lines strings.Builder
	rows, err := csv.NewReader(strings.NewReader(f.exits(0, "export", "-format=csv").out)).ReadAll()
	check.Must(t, err)
	for _, row := range rows[1:] {
		if row[2] != "" {
			word, err := base64.StdEncoding.DecodeString(row[2])
			check.Must(t, err)
			row[1] = string(word)
		}
		fmt.Fprintf(&lines, "%s\t%s\n", row[0], row[1])
	}
	if lines.String() != f.counted() {
		t.Errorf("from csv come\n%s", head(lines.String()))
	}

	lines.Reset()
	f.exits(0, "export", "-format=jsonl", "-out=words.jsonl")
	text, err := os.ReadFile(filepath.Join(f.dir, "words.jsonl"))
	check.Must(t, err)
	for line := range strings.Lines(string(text)) {
		var object struct {
			Count  int
			Word   string
			Base64 []byte
		}
		check.Must(t, json.Unmarshal([]byte(line), &object))
		if object.Base64 != nil {
			object.Word = string(object.Base64)
		}
		fmt.Fprintf(&lines, "%d\t%s\n", object.Count, object.Word)
	}
	if lines.String() != f.counted() {
		t.Errorf("from jsonl come\n%s", head(lines.String()))
	}
}
