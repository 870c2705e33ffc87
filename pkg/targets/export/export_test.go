package export_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/targets/export"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

const counts = "2\ta\n1\tb\n"

func writeCounts(w io.Writer) error {
	_, err := io.WriteString(w, counts)
	return err
}

// is fails unless the file, link or whatever it is has this type.
func is(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	check.Must(t, err)
	if got := info.Mode().Type(); got != want {
		t.Errorf("%s is now %v, and was %v", path, got, want)
	}
}

// onlyFile fails if there is anything beside this file.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(path))
	check.Must(t, err)
	if len(beside) != 1 || beside[0].Name() != filepath.Base(path) {
		t.Errorf("in the folder are %v", beside)
	}
}

func TestFault67ExportWritesThroughWhatIsNoFile(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	check.Must(t, syscall.Mkfifo(fifo, 0o600))
	reader, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	check.Must(t, err)
	defer reader.Close()
	check.Must(t, export.Write(t.Context(), fifo, writeCounts))
	if text, err := io.ReadAll(reader); string(text) != counts || err != nil {
		t.Errorf("the reader of the FIFO gets %q, %v", text, err)
	}
	is(t, fifo, fs.ModeNamedPipe)
}

func TestFault67ExportKeepsTheLinksToAFileAndItsMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, near, far := filepath.Join(dir, "results", "counts.tsv"), filepath.Join(dir, "near.tsv"), filepath.Join(dir, "far.tsv")
	check.Must(t, os.Mkdir(filepath.Dir(path), 0o755))
	check.Must(t, os.WriteFile(path, []byte("old"), 0o600))
	check.Must(t, os.Chmod(path, 0o640))
	check.Must(t, os.Symlink("results/counts.tsv", near))
	check.Must(t, os.Symlink("near.tsv", far))
	reader, err := os.Open(path)
	check.Must(t, err)
	defer reader.Close()
	check.Must(t, export.Write(t.Context(), far, writeCounts))
	is(t, far, fs.ModeSymlink)
	is(t, near, fs.ModeSymlink)
	if text, err := os.ReadFile(path); string(text) != counts {
		t.Errorf("the file has %q, %v", text, err)
	}
	if old, err := io.ReadAll(reader); string(old) != "old" {
		t.Errorf("its reader has %q, %v", old, err)
	}
	info, err := os.Stat(path)
	check.Must(t, err)
	if got := info.Mode().Perm(); got != 0o640 {
		t.Errorf("its mode is %v", got)
	}
	onlyFile(t, path)
}

func TestFault67ExportToALinkWithoutAFileIsAWrongFlag(t *testing.T) {
	t.Parallel()
	loose := filepath.Join(t.TempDir(), "loose")
	check.Must(t, os.Symlink("nowhere", loose))
	check.IsError(t, export.Write(t.Context(), loose, writeCounts), protocol.ErrInput, "a link to a file that doesn't exist")
	is(t, loose, fs.ModeSymlink)
	onlyFile(t, loose)
}

func TestFault67ExportIntoAFolderIsAWrongFlag(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, dir + "/", dir + "/new/"} {
		check.IsError(t, export.Write(t.Context(), path, writeCounts), protocol.ErrInput, "-out="+path+": ", "it is a folder")
	}
	check.Must(t, os.Remove(dir)) // empty as before
}

func TestAnExportIntoAFolderThatIsMissingNamesNoTemporaryFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "counts.tsv")
	err := export.Write(t.Context(), path, writeCounts)
	check.IsError(t, err, protocol.ErrInput)
	if want := protocol.ErrInput.Error() + ": -out=" + path + ": " + syscall.ENOENT.Error(); err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}

func TestAnExportThatFailsLeavesTheOldFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "counts.tsv")
	check.Must(t, os.WriteFile(path, []byte("old"), 0o600))
	broken := errors.New("the result is gone")
	err := export.Write(t.Context(), path, func(w io.Writer) error { return errors.Join(writeCounts(w), broken) })
	if !errors.Is(err, broken) {
		t.Errorf("it returns %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the file has %q, %v", text, err)
	}
	onlyFile(t, path)
}
