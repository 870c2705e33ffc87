package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The kernel answers questions about its TCP sockets over netlink: see sock_diag(7). Such a question
// costs what its answer costs. /proc/net/tcp walks the whole table of connections instead, which
// has a quarter of a million buckets on a machine with 24 GiB, and takes 12 ms to read there.

// The structures of linux/inet_diag.h. Ports and addresses are in network order, the other numbers
// in the machine's.
type (
	diagRequest struct { // struct inet_diag_req_v2
		Family, Protocol, Extensions, _ uint8
		States                          uint32 // a bit for each state that is asked for
		ID                              diagID
	}
	diagAnswer struct { // struct inet_diag_msg
		Family, State, Timer, Retransmits uint8
		ID                                diagID
		Expires, Received, Queued         uint32
		UID, Inode                        uint32
	}
	diagID struct { // struct inet_diag_sockid
		LocalPort, RemotePort [2]byte
		Local, Remote         [16]byte
		Interface             uint32
		Cookie                [2]uint32
	}
)

// anyCookie is INET_DIAG_NOCOOKIE: whichever socket has these addresses.
var anyCookie = [2]uint32{^uint32(0), ^uint32(0)}

// kernelAnswers tells whether this kernel answers such questions. Some sandboxes have one that
// doesn't. It is asked once, because both questions of CheckPeer must go the same way.
var kernelAnswers = sync.OnceValue(func() bool {
	_, err := listeningSockets()
	return err == nil
})

// listeningSockets returns the TCP sockets that listen on this machine.
func listeningSockets() (all []tcpSocket, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		some, err := ask(diagRequest{Family: family, States: 1 << listening}, unix.NLM_F_DUMP)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// socketBetween returns the TCP socket that has these addresses, or none.
func socketBetween(local, remote netip.AddrPort) ([]tcpSocket, error) {
	request := diagRequest{Family: unix.AF_INET, States: ^uint32(0), ID: diagID{Cookie: anyCookie}}
	if local.Addr().Is6() {
		request.Family = unix.AF_INET6
	}
	copy(request.ID.Local[:], local.Addr().AsSlice())
	copy(request.ID.Remote[:], remote.Addr().AsSlice())
	binary.BigEndian.PutUint16(request.ID.LocalPort[:], local.Port())
	binary.BigEndian.PutUint16(request.ID.RemotePort[:], remote.Port())
	return ask(request, 0)
}

// ask sends a question about TCP sockets to the kernel. With unix.NLM_F_DUMP it returns all sockets
// in the states that are asked for.
func ask(request diagRequest, flags uint16) ([]tcpSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("sock_diag: %w", err)
	}
	defer unix.Close(fd)
	request.Protocol = unix.IPPROTO_TCP
	header := unix.NlMsghdr{
		Len:  uint32(unix.SizeofNlMsghdr + binary.Size(request)),
		Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_REQUEST | flags,
	}
	message, err := binary.Append(nil, binary.NativeEndian, header)
	if err == nil {
		message, err = binary.Append(message, binary.NativeEndian, request)
	}
	if err == nil {
		err = unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	var found []tcpSocket
	reply := make([]byte, 32<<10) // the kernel never sends more at once
	for err == nil {
		var n int
		if n, _, err = unix.Recvfrom(fd, reply, 0); err != nil {
			break
		}
		var some []tcpSocket
		var last bool
		some, last, err = parseAnswers(reply[:n])
		found = append(found, some...)
		if last || flags&unix.NLM_F_DUMP == 0 {
			break
		}
	}
	if flags&unix.NLM_F_DUMP == 0 && errors.Is(err, unix.ENOENT) {
		return nil, nil // there is no such socket
	}
	if err != nil {
		return nil, fmt.Errorf("sock_diag: %w", err)
	}
	return found, nil
}

// parseAnswers reads the messages of one datagram. last tells that no more datagrams follow.
func parseAnswers(datagram []byte) (found []tcpSocket, last bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return nil, false, err
	}
	for _, m := range messages {
		switch m.Header.Type {
		case unix.NLMSG_DONE:
			return found, true, nil
		case unix.NLMSG_ERROR:
			var code int32
			if _, err := binary.Decode(m.Data, binary.NativeEndian, &code); err != nil {
				return nil, false, err
			}
			return nil, false, syscall.Errno(-code)
		case unix.SOCK_DIAG_BY_FAMILY:
			var a diagAnswer
			if _, err := binary.Decode(m.Data, binary.NativeEndian, &a); err != nil {
				return nil, false, err
			}
			found = append(found, a.socket())
		}
	}
	return found, false, nil
}

func (a diagAnswer) socket() tcpSocket {
	address := func(ip [16]byte, port [2]byte) netip.AddrPort {
		addr := netip.AddrFrom16(ip)
		if a.Family == unix.AF_INET {
			addr = netip.AddrFrom4([4]byte(ip[:]))
		}
		return plainAddr(netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port[:])))
	}
	return tcpSocket{
		local: address(a.ID.Local, a.ID.LocalPort), remote: address(a.ID.Remote, a.ID.RemotePort),
		state: a.State, uid: int(a.UID), inode: strconv.FormatUint(uint64(a.Inode), 10),
	}
}
