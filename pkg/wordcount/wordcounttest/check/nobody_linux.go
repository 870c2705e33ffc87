package check

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Nobody is the user who has no rights that root has.
const Nobody = 65534

// AsNobody gives a folder and all in it to Nobody. Until the test ends, its goroutine is Nobody,
// too. It does nothing for a test that isn't root's.
func AsNobody(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	Must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, Nobody, -1))
	}))
	runtime.LockOSThread()
	become := func(user uintptr) error { // the package would change all threads
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, user, user, 0); errno != 0 {
			return errno
		}
		return nil
	}
	Must(t, become(Nobody))
	t.Cleanup(func() {
		become(0)
		runtime.UnlockOSThread()
	})
}
