package host

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
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

// tcpSocket is a line of /proc/net/tcp.
type tcpSocket struct {
	local, remote netip.AddrPort
	state         string
	uid           int
	inode         string
}

// States of a socket, as the kernel writes them.
const (
	established = "01"
	listening   = "0A"
)

// listeners returns who listens on a port of the loopback.
func listeners(at netip.AddrPort) ([]holder, error) {
	at = plainAddr(at)
	sockets, err := tcpSockets()
	if err != nil {
		return nil, err
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
	sockets, err := tcpSockets()
	if err != nil {
		return err
	}
	far, near = plainAddr(far), plainAddr(near)
	i := slices.IndexFunc(sockets, func(s tcpSocket) bool {
		return s.state == established && s.local == far && s.remote == near && !mine(s.uid)
	})
	if i >= 0 {
		return fmt.Errorf("%w: %s: user %d has answered there", ErrPortTaken, far, sockets[i].uid)
	}
	return nil
}

func tcpSockets() ([]tcpSocket, error) {
	var all []tcpSocket
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) && table != "/proc/net/tcp" { // no IPv6
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("it can't be told who listens there: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			// number: local remote state queues timer retransmits uid timeout inode …
			f := strings.Fields(line)
			if len(f) < 10 || f[0] == "sl" {
				continue
			}
			local, err1 := hexAddr(f[1])
			remote, err2 := hexAddr(f[2])
			uid, err3 := strconv.Atoi(f[7])
			if err := errors.Join(err1, err2, err3); err != nil {
				return nil, fmt.Errorf("it can't be told who listens there: %s: %w", table, err)
			}
			all = append(all, tcpSocket{local, remote, f[3], uid, f[9]})
		}
	}
	return all, nil
}

// hexAddr reads an address as the kernel prints it: words of four bytes in the machine's order,
// and a port.
func hexAddr(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	addr, ok := netip.AddrFromSlice(words)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	return plainAddr(netip.AddrPortFrom(addr, uint16(n))), nil
}

// plainAddr turns an IPv4 address that is written as IPv6 into a plain one.
func plainAddr(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
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
