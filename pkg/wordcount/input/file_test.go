package input

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

func TestFault56AReadBehindThePlannedSizeIsNoted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	check.Must(t, os.WriteFile(path, []byte("12345"), 0o600))
	fd, now, err := (*Folder)(nil).open(t.Context(), path)
	check.Must(t, err)
	defer unix.Close(fd)
	for _, c := range []struct {
		size          int64
		off, n, got   int
		asked, longer bool
	}{
		{5, 0, 3, 3, false, false},
		{5, 0, 5, 5, false, false},
		{5, 0, 6, 5, true, false},
		{5, 2, 9, 3, true, false},
		{5, 5, 1, 0, true, false},
		{4, 0, 4, 4, false, false},
		{4, 0, 5, 5, true, true},
		{4, 4, 1, 1, true, true},
		{7, 0, 8, 5, false, false}, // it isn't known yet whether that was all
	} {
		f := Reader{opened: &descriptor{fd, path}, File: File{Path: path, Size: c.size, MTime: now.Mtime}}
		n, err := f.ReadAt(make([]byte, c.n), int64(c.off))
		if n != c.got || err != nil && !errors.Is(err, io.EOF) || f.asked != c.asked || f.longer != c.longer {
			t.Errorf("%+v: read %d, %v; %v, %v", c, n, err, f.asked, f.longer)
		}
	}
}
