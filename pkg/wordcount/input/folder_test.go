package input

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

// TestAFolderFindsWhatItsPathsLeadTo: the same as a whole path does, in whatever order.
func TestAFolderFindsWhatItsPathsLeadTo(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	var paths []string
	for i, name := range []string{"a", "b", "sub/a", "sub/deep/a", "-", "sub/a\n\xff"} {
		path := filepath.Join(top, name)
		check.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check.Must(t, os.WriteFile(path, make([]byte, i+1), 0o600))
		paths = append(paths, path)
	}
	check.Must(t, os.Symlink("sub/a", filepath.Join(top, "link")))
	check.Must(t, os.Symlink("sub", filepath.Join(top, "folder")))
	paths = append(paths, top, top+"/sub/", top+"/link", top+"/folder/a", top+"/none", top+"/none/a", top+"/a/a", "/", "relative")
	var folder Folder
	defer folder.Close()
	for range 2 {
		for _, path := range paths {
			got, err := folder.Stat(path)
			want, wantErr := Stat(path)
			if got != want || !same(err, wantErr) {
				t.Errorf("%q: %+v, %v; want %+v, %v", path, got, err, want, wantErr)
			}
			if err := folder.MayRead(path); (err == nil) != (wantErr == nil) {
				t.Errorf("%q: %v, want %v", path, err, wantErr)
			}
			fd, got, err := folder.open(t.Context(), path)
			if err == nil {
				unix.Close(fd)
			}
			if got != want || (err == nil) != (wantErr == nil) {
				t.Errorf("%q is opened as %+v, %v; want %+v, %v", path, got, err, want, wantErr)
			}
		}
	}
}

// same reports whether two errors say the same of the same path.
func same(a, b error) bool {
	pa, okA := errors.AsType[*fs.PathError](a)
	pb, okB := errors.AsType[*fs.PathError](b)
	return okA == okB && (!okA || *pa == *pb)
}

func TestAClosedFolderSeesWhatTookItsPlace(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	path := filepath.Join(top, "folder", "file")
	check.Must(t, os.Mkdir(filepath.Dir(path), 0o700))
	check.Must(t, os.WriteFile(path, []byte("1"), 0o600))
	var folder Folder
	defer folder.Close()
	size := func() int64 {
		now, err := folder.Stat(path)
		check.Must(t, err)
		return now.Size
	}
	if got := size(); got != 1 {
		t.Fatalf("%d bytes", got)
	}
	check.Must(t, os.Rename(filepath.Dir(path), filepath.Join(top, "moved")))
	check.Must(t, os.Mkdir(filepath.Dir(path), 0o700))
	check.Must(t, os.WriteFile(path, []byte("22"), 0o600))
	folder.Close()
	if got := size(); got != 2 {
		t.Errorf("%d bytes", got)
	}
}
