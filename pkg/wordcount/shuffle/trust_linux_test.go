package shuffle

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAStoreThatOthersMayWriteToIsForeign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for mode, foreign := range map[os.FileMode]bool{0o700: false, 0o755: false, 0o770: true, 0o702: true} {
		check.Must(t, os.Chmod(dir, mode))
		if err := CheckOwner(dir); errors.Is(err, ErrForeign) != foreign || !foreign && err != nil {
			t.Errorf("%o: %v", mode, err)
		}
	}
	check.IsError(t, CheckOwner(filepath.Join(dir, "none")), ErrNoStore)
	if os.Geteuid() == 0 {
		check.Must(t, os.Chmod(dir, 0o700))
		check.Must(t, os.Chown(dir, check.Nobody, -1))
		check.IsError(t, CheckOwner(dir), ErrForeign, dir)
	}
}
