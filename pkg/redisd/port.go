package redisd

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// free reports whether nobody listens on addr.
func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// FreePort finds a loopback port on which nobody listens, below those that
// systems hand out to outgoing connections (32768 on Linux, 49152 on macOS):
// from there it could be taken away while our server is down, even by a client
// of ours that dials the dead port and so meets itself.
func FreePort() (int, error) {
	const low, high = 10000, 32768
	for range 100 {
		if p := low + rand.IntN(high-low); free(loopback(p)) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%w: none of 100 tried between %d and %d is free", ErrPortTaken, low, high)
}
