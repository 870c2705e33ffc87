package targets_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
