//go:build darwin || linux || openbsd

package wordcount

import "golang.org/x/sys/unix"

// readBeyond reads p, and what comes after it into beyond, in one call.
func readBeyond(fd int, p, beyond []byte, off int64) (int, error) {
	return unix.Preadv(fd, [][]byte{p, beyond}, off)
}
