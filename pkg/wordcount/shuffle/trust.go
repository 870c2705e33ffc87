package shuffle

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrForeign is wrapped by the error of a store that belongs to another user, or that others may
// write to. Who may write to a store decides what the result says.
var ErrForeign = errors.New("others may write to it")

// CheckOwner returns an error that wraps ErrForeign unless the store's folder belongs to this user,
// and no other user may write to it. The error of a store that can't be looked at is the host's.
func CheckOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return cannotOpen(dir, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("shuffle: %q: %w", dir, ErrForeign)
	}
	return nil
}
