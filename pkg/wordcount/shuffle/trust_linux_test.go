package shuffle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault62AStoreThatOthersMayWriteToIsForeign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	check.Must(t, os.Symlink(dir, link))
	for mode, foreign := range map[fs.FileMode]bool{
		0o700: false, 0o755: false, 0o770: true, 0o720: true, 0o702: true, fs.ModeSticky | 0o777: true,
	} {
		check.Must(t, os.Chmod(dir, mode))
		for _, path := range []string{dir, link} {
			if err := CheckOwner(path); errors.Is(err, ErrForeign) != foreign || !foreign && err != nil {
				t.Errorf("%s, %v: %v", path, mode, err)
			}
		}
	}
	check.IsError(t, CheckOwner(filepath.Join(dir, "none")), ErrNoStore)
}

func TestFault62AStoreOfAnotherUserIsForeign(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	check.Must(t, os.Chmod(dir, 0o700))
	check.Must(t, CheckOwner(dir))
	check.Must(t, os.Chown(dir, check.Nobody, -1))
	check.IsError(t, CheckOwner(dir), ErrForeign, dir)
}
