package endpoint

import (
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAConnectionOnWhichNothingIsAcknowledgedIsLostSoon(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, url := range []string{"redis://127.0.0.1", "redis://127.0.0.1?addr=127.0.0.1:2", "redis://127.0.0.1?master_name=ours"} {
		o, err := Endpoint{URL: url}.options()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := o.Dialer(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) })
		if err != nil || time.Duration(got)*time.Millisecond != lostAfter {
			t.Errorf("%s: lost after %d ms: %v", url, got, err)
		}
	}
}
