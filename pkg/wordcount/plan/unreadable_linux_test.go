package plan

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// secrets makes a folder with files and folders that may not be read, and one file that may. The
// goroutine that asks is somebody who may not read the others until the test ends.
func secrets(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(mode os.FileMode, name string) {
		path := filepath.Join(dir, name)
		check.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check.Must(t, os.WriteFile(path, []byte("words"), mode))
	}
	write(0o644, "open")
	write(0o000, "secret")
	write(0o644, "closed/file")
	write(0o644, "listed/file")
	check.Must(t, os.Symlink(filepath.Join("listed", "file"), filepath.Join(dir, "link")))
	check.Must(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	check.Must(t, os.Chmod(filepath.Join(dir, "listed"), 0o444)) // one sees what is in it, and no more
	t.Cleanup(func() {
		os.Chmod(filepath.Join(dir, "closed"), 0o755)
		os.Chmod(filepath.Join(dir, "listed"), 0o755)
	})
	if os.Geteuid() == 0 { // who may read everything
		check.Must(t, os.Chown(filepath.Dir(dir), check.Nobody, -1))
		check.AsNobody(t, dir)
	}
	return dir
}

func TestFault39UnreadableInputIsNamed(t *testing.T) {
	t.Parallel()
	dir := secrets(t)
	for _, name := range []string{"secret", "closed", "listed"} {
		_, err := Scan(t.Context(), []string{filepath.Join(dir, name)}, "", Options{})
		check.IsError(t, err, protocol.ErrInput, filepath.Join(dir, name), "permission denied")
		check.IsError(t, err, ErrForbidden)
	}
	_, err := Scan(t.Context(), []string{dir}, "", Options{Selection: Selection{Skip: Skip{Binary: true}}})
	check.IsError(t, err, protocol.ErrInput, strconv.Quote(filepath.Join(dir, "closed")))
	check.IsError(t, err, ErrForbidden)
}

func TestFault39UnreadableFilesAndFoldersAreSkippedIfAskedFor(t *testing.T) {
	t.Parallel()
	dir := secrets(t)
	m, err := Scan(t.Context(), []string{dir}, "", Options{Selection: Selection{Skip: Skip{Unreadable: true, Binary: true}}})
	check.Must(t, err)
	if len(m.Files) != 1 || m.Files[0].Path != filepath.Join(dir, "open") {
		t.Errorf("listed %v", m.Files)
	}
	var names []string
	for _, s := range m.Skipped {
		name, _ := filepath.Rel(dir, s.Path)
		if names = append(names, name); s.Why != whyUnreadable {
			t.Errorf("%s: %s", name, s.Why)
		}
	}
	if want := []string{"closed", "link", "listed/file", "secret"}; !slices.Equal(names, want) {
		t.Errorf("skipped %q, want %q", names, want)
	}
	for _, name := range []string{"secret", "closed"} { // all of the input
		m, err := Scan(t.Context(), []string{filepath.Join(dir, name)}, "", Options{Selection: Selection{Skip: Skip{Unreadable: true}}})
		check.Must(t, err)
		if len(m.Files) != 0 || len(m.Skipped) != 1 {
			t.Errorf("%s: listed %v, skipped %v", name, m.Files, m.Skipped)
		}
	}
}
