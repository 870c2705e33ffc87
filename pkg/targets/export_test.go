package targets_test

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault67ExportWritesThroughWhatIsNoFile(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")

	fifo := filepath.Join(f.dir, "fifo")
	check.Must(t, syscall.Mkfifo(fifo, 0o600))
	reader, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	check.Must(t, err)
	defer reader.Close()
	f.exits(0, "export", "-out=fifo")
	if text, err := io.ReadAll(reader); string(text) != f.counted() || err != nil {
		t.Errorf("who reads the FIFO gets %q, %v", text, err)
	}
	f.is("fifo", fs.ModeNamedPipe)

	// This link leads to a pipe of the test. Never may one lead to a device of the machine: where the code is wrong, or
	// its guard is taken out on purpose, Root would replace that.
	check.Must(t, os.Symlink("/proc/self/fd/1", filepath.Join(f.dir, "out")))
	if r := f.exits(0, "export", "-out=out"); r.out != f.counted() {
		t.Errorf("as its standard output it is written %q", r.out)
	}
	f.is("out", fs.ModeSymlink)
}

// is fails unless the file, link or whatever it is has this type.
func (f *folder) is(name string, want fs.FileMode) {
	f.Helper()
	info, err := os.Lstat(filepath.Join(f.dir, name))
	check.Must(f, err)
	if got := info.Mode().Type(); got != want {
		f.Errorf("%s is now %v, and was %v", name, got, want)
	}
}

func TestFault67ExportKeepsTheLinksToAFileAndItsMode(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	f.write("results/counts.tsv", "old")
	path := filepath.Join(f.dir, "results", "counts.tsv")
	check.Must(t, os.Chmod(path, 0o640))
	check.Must(t, os.Symlink("results/counts.tsv", filepath.Join(f.dir, "near.tsv")))
	check.Must(t, os.Symlink("near.tsv", filepath.Join(f.dir, "far.tsv")))
	reader, err := os.Open(path)
	check.Must(t, err)
	defer reader.Close()
	f.exits(0, "export", "-out=far.tsv")
	f.is("far.tsv", fs.ModeSymlink)
	f.is("near.tsv", fs.ModeSymlink)
	if text, err := os.ReadFile(path); string(text) != f.counted() {
		t.Errorf("the file has %q, %v", text, err)
	}
	if old, err := io.ReadAll(reader); string(old) != "old" {
		t.Errorf("who was reading it has %q, %v", old, err)
	}
	f.mode("results/counts.tsv", 0o640)
	f.onlyFile(path)

	check.Must(t, os.Symlink("nowhere", filepath.Join(f.dir, "loose")))
	contains(t, f.exits(2, "export", "-out=loose").err, "a link to a file that doesn't exist")
	f.is("loose", fs.ModeSymlink)
}

func (f *folder) mode(name string, want fs.FileMode) {
	f.Helper()
	info, err := os.Stat(filepath.Join(f.dir, name))
	check.Must(f, err)
	if got := info.Mode().Perm(); got != want {
		f.Errorf("%s has mode %v, want %v", name, got, want)
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
		f.mode(name, want)
	}
}

func TestFault67ExportIntoAFolderIsAWrongFlag(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	check.Must(t, os.Mkdir(filepath.Join(f.dir, "results"), 0o755))
	for _, out := range []string{"results", "results/", "results/new/"} {
		r := f.exits(2, "export", "-out="+out)
		contains(t, r.err, "it is a folder")
		contains(t, r.err, out)
	}
	check.Must(t, os.Remove(filepath.Join(f.dir, "results"))) // empty as before
}
