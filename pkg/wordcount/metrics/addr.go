package metrics

import (
	"errors"
	"net"
	"strconv"
)

// ParseAddr reads an address to listen on: a port, or a host and a port. Without a host it is the
// loopback, so that nobody else sees the job by mistake.
func ParseAddr(text string) (addr string, err error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = "", text
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("write a port, like 9464, or an address, like 127.0.0.1:9464")
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
