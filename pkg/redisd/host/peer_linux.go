package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// checkSocketPeer checks that this user listens on a socket. The kernel knows it.
func checkSocketPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	var peer *syscall.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) {
		peer, asked = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err = errors.Join(err, asked); err != nil {
		return fmt.Errorf("redisd: who listens at %s: %w", conn.RemoteAddr(), err)
	}
	if int(peer.Uid) != os.Geteuid() {
		who := holder{uid: int(peer.Uid), pid: int(peer.Pid)}
		return fmt.Errorf("%w: %s: %s listens there", ErrPortTaken, conn.RemoteAddr(), who)
	}
	return nil
}

// holder is the user and the process that hold a socket.
type holder struct {
	uid   int
	pid   int    // 0: unknown
	inode string // of a TCP socket
}

func (h holder) String() string {
	if h.pid == 0 {
		h.pid = pidOfSocket(h.inode)
	}
	if h.pid == 0 {
		return fmt.Sprintf("user %d", h.uid)
	}
	return fmt.Sprintf("process %d of user %d", h.pid, h.uid)
}

// listeners returns who listens on a port of the loopback.
func listeners(at netip.AddrPort) ([]holder, error) {
	at = plainAddr(at)
	look := printedSockets
	if kernelAnswers() {
		look = listeningSockets
	}
	sockets, err := look()
	if err != nil {
		return nil, fmt.Errorf("it can't be told who listens there: %w", err)
	}
	var found []holder
	for _, s := range sockets {
		here := s.local.Addr() == at.Addr() || s.local.Addr().IsUnspecified()
		if s.state == listening && s.local.Port() == at.Port() && here {
			found = append(found, holder{uid: s.uid, inode: s.inode})
		}
	}
	return found, nil
}

// checkAccepted checks who holds the far end of a connection, if it was accepted already.
func checkAccepted(far, near netip.AddrPort, mine func(uid int) bool) error {
	far, near = plainAddr(far), plainAddr(near)
	look := printedSockets
	if kernelAnswers() {
		look = func() ([]tcpSocket, error) { return socketBetween(far, near) }
	}
	sockets, err := look()
	if err != nil {
		return fmt.Errorf("it can't be told who answered there: %w", err)
	}
	i := slices.IndexFunc(sockets, func(s tcpSocket) bool {
		return s.state == established && s.local == far && s.remote == near && !mine(s.uid)
	})
	if i >= 0 {
		return fmt.Errorf("%w: %s: user %d has answered there", ErrPortTaken, far, sockets[i].uid)
	}
	return nil
}

// pidOfSocket finds the process that holds a socket; 0 if this user may not see it.
func pidOfSocket(inode string) int {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == "socket:["+inode+"]" {
			pid, _ := strconv.Atoi(strings.Split(fd, "/")[2])
			return pid
		}
	}
	return 0
}
