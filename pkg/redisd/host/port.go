package host

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// ErrPortTaken says that somebody else listens where a server should listen, or that it can't be
// told who does.
var ErrPortTaken = errors.New("redisd: port taken")

// OnTCP reports whether an address is a host and a port. Otherwise it is the path of a socket.
func OnTCP(addr string) bool { return !strings.HasPrefix(addr, "/") }

// Loopback is the address of a port on 127.0.0.1.
func Loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// CheckFree returns ErrPortTaken, and who listens there, if an address of TCP isn't free.
func CheckFree(addr string) error {
	if free(addr) {
		return nil
	}
	return Taken(addr)
}

func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// FreePort finds a port of the loopback on which nobody listens. It is below the ports that systems
// give to outgoing connections (from 32768 on Linux, from 49152 on macOS). A port from that range
// could be lost while the server is down, even to a client that dials the dead port and is given
// the very same port to dial from: such a client talks to itself.
func FreePort() (int, error) {
	const low, high = 10000, 32768
	for range 100 {
		if p := low + rand.IntN(high-low); free(Loopback(p)) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%w: none of 100 tried between %d and %d is free", ErrPortTaken, low, high)
}

// Taken is the error of an address where somebody else listens.
func Taken(addr string) error {
	if who := Listener(addr); who != "" {
		return fmt.Errorf("%w: %s: %s listens there", ErrPortTaken, addr, who)
	}
	return fmt.Errorf("%w: %s", ErrPortTaken, addr)
}

// Listener names who listens on a port, if the system tells; "" if not.
func Listener(addr string) string {
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return ""
	}
	found, err := listeners(at.AddrPort())
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0].String()
}
