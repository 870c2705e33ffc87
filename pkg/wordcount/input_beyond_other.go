//go:build !darwin && !linux && !openbsd

package wordcount

import "golang.org/x/sys/unix"

// readBeyond reads p, and what comes after it into beyond.
func readBeyond(fd int, p, beyond []byte, off int64) (int, error) {
	n, err := unix.Pread(fd, p, off)
	if err != nil || n < len(p) {
		return n, err
	}
	more, err := unix.Pread(fd, beyond, off+int64(n))
	return n + max(more, 0), err
}
