package wordcount

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFault39UnreadableInputIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte("words"), 0o000))
	if os.Geteuid() == 0 { // root can read everything, but one of its threads may give that up
		const nobody = 65534
		must(t, os.Chown(filepath.Dir(dir), nobody, -1))
		must(t, os.Chown(dir, nobody, -1))
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		become := func(user uintptr) error { // the package would change all threads
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, user, user, 0); errno != 0 {
				return errno
			}
			return nil
		}
		must(t, become(nobody))
		defer become(0)
	}
	_, err := Scan(dir, "", func(string, string) {})
	isError(t, err, ErrInput, strconv.Quote(secret))
}
