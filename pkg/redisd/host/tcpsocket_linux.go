package host

import "net/netip"

// tcpSocket is what the kernel tells about a TCP socket.
type tcpSocket struct {
	local, remote netip.AddrPort
	state         uint8
	uid           int
	inode         string
}

// States of a TCP socket, as the kernel numbers them.
const (
	established = 1
	listening   = 10
)

// plainAddr turns an IPv4 address that is written as IPv6 into a plain one.
func plainAddr(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
