package host

import (
	"fmt"
	"net"
	"os"
)

// CheckPeer checks that the listener at the other end of a connection is this user's, or, on
// 127.0.0.1 and if rootMayListen, root's. It is called before a password is sent. The error is
// ErrPortTaken.
func CheckPeer(conn net.Conn, rootMayListen bool) error {
	if conn, ok := conn.(*net.UnixConn); ok {
		return checkSocketPeer(conn)
	}
	mine := func(uid int) bool { return uid == os.Geteuid() || uid == 0 && rootMayListen }
	local, remote := conn.LocalAddr().(*net.TCPAddr).AddrPort(), conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	found, err := listeners(remote)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrPortTaken, remote, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: %s: it can't be told who listens there, so no password is sent", ErrPortTaken, remote)
	}
	// The order matters. A process that stopped listening before this point has accepted the
	// connection by now, or the connection was reset.
	for _, l := range found {
		if !mine(l.uid) {
			return fmt.Errorf("%w: %s: %s listens there", ErrPortTaken, remote, l)
		}
	}
	// Until it is accepted, the far end of a connection belongs to user 0.
	return checkAccepted(remote, local, func(uid int) bool { return uid == 0 || mine(uid) })
}
