package host

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

// The kernel's answers are compared with what it prints in /proc/net/tcp.
func TestTheKernelAnswersWhatItPrints(t *testing.T) {
	if !kernelAnswers() {
		t.Fatal("this kernel answers no questions about its sockets")
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		t.Run(address, func(t *testing.T) {
			server, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err) // where there is no IPv6, net.Listen takes IPv4 for the last one only
			}
			defer server.Close()
			at := server.Addr().(*net.TCPAddr).AddrPort()
			if at.Addr().IsUnspecified() { // listens for IPv4, too
				at = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
			}
			near, err := net.Dial("tcp", at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer near.Close()
			far, err := server.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer far.Close()

			local, remote := plainAddr(addrPort(far.LocalAddr())), plainAddr(addrPort(far.RemoteAddr()))
			printed, err := printedSockets()
			if err != nil {
				t.Fatal(err)
			}
			answered, err := socketBetween(local, remote)
			i := slices.IndexFunc(printed, func(s tcpSocket) bool { return s.local == local && s.remote == remote })
			if err != nil || len(answered) != 1 || i < 0 || answered[0] != printed[i] || answered[0].state != established {
				t.Errorf("the connection: answered %v, %v, and printed %d of %v", answered, err, i, printed)
			}

			listen := func(s tcpSocket) bool { return s.state == listening && s.local.Port() == at.Port() }
			asked, err := listeningSockets()
			i, j := slices.IndexFunc(asked, listen), slices.IndexFunc(printed, listen)
			if err != nil || i < 0 || j < 0 || asked[i] != printed[j] {
				t.Errorf("the listener: answered %d of %v, %v, and printed %d of %v", i, asked, err, j, printed)
			}
		})
	}
	none := netip.MustParseAddrPort("127.0.0.1:1")
	if found, err := socketBetween(none, none); err != nil || len(found) > 0 {
		t.Errorf("between no addresses there is %v, %v", found, err)
	}
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

func BenchmarkCheckPeer(b *testing.B) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	conn, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for b.Loop() {
		if err := CheckPeer(conn, true); err != nil {
			b.Fatal(err)
		}
	}
}
