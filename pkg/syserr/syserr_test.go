package syserr_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/syserr"
)

func TestAnErrorAboutAFileIsSaidWithoutItsPath(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	_, openErr := os.Open(missing)
	renameErr := os.Rename(missing, missing+" too")
	for name, err := range map[string]error{
		"open": openErr, "rename": renameErr, "open, wrapped": fmt.Errorf("read it: %w", openErr),
	} {
		if got := syserr.WithoutPath(err); fmt.Sprint(got) != syscall.ENOENT.Error() || !errors.Is(got, syscall.ENOENT) {
			t.Errorf("%s: %v becomes %v", name, err, got)
		}
	}
}

func TestAnErrorThatIsNotAboutAFileStays(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("no file"), fmt.Errorf("wait: %w", syscall.EINTR)} {
		if got := syserr.WithoutPath(err); fmt.Sprint(got) != fmt.Sprint(err) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
}
