package endpoint

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// loseUnacknowledged makes the system close a connection on which something that was sent is not
// acknowledged for lostAfter. Keep-alive alone says nothing then: it is for connections on which
// nothing is under way.
func loseUnacknowledged(network, _ string, c syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(lostAfter.Milliseconds()))
	})
	if failed != nil {
		return failed
	}
	return err
}
