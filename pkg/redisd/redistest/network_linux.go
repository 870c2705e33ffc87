package redistest

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Network is a number of hosts on a switch, which a test can part. A host is a network namespace: it
// shares the files and the processes of this machine, and reaches nothing but the other hosts. No
// packet leaves the network, so that its addresses clash with none.
//
// A namespace has no name. It goes with the processes in it, whatever becomes of the test.
type Network struct {
	TB    testing.TB
	hub   *Host // the switch: two bridges without a way between them
	hosts []*Host
}

// The bridges of the switch. A host is at the first, until it is parted from the others.
const (
	together = "together"
	apart    = "apart"
)

// NewNetwork makes a network without hosts. The test is skipped where it can't make one.
func NewNetwork(tb testing.TB) *Network {
	tb.Helper()
	n := &Network{TB: tb, hub: namespace(tb)}
	n.hub.ip(tb, "link add "+together+" type bridge", "link set "+together+" up", "link add "+apart+" type bridge", "link set "+apart+" up")
	return n
}

// Host adds a host.
func (n *Network) Host() *Host {
	n.TB.Helper()
	h, number := namespace(n.TB), len(n.hosts)+1
	h.IP, h.mac, h.port = fmt.Sprintf("10.0.0.%d", number), fmt.Sprintf("02:00:00:00:00:%02x", number), fmt.Sprintf("port%d", number)
	n.hub.ip(n.TB, fmt.Sprintf("link add %s type veth peer name eth0 address %s netns %d", h.port, h.mac, h.holder),
		"link set "+h.port+" master "+together+" up")
	setUp := []string{"link set lo up", "address add " + h.IP + "/24 dev eth0", "link set eth0 up"}
	// The hosts keep each other's hardware addresses for good. Otherwise a host that was parted would
	// soon be told that nobody has the other's address. Behind a router, packets would just vanish.
	for _, other := range n.hosts {
		setUp = append(setUp, knows(other))
		other.ip(n.TB, knows(h))
	}
	h.ip(n.TB, setUp...)
	n.hosts = append(n.hosts, h)
	return h
}

// knows is the command by which a host knows another one.
func knows(h *Host) string {
	return "neighbour add " + h.IP + " lladdr " + h.mac + " dev eth0 nud permanent"
}

// Part cuts hosts off from the others. They reach each other, and no host is told: packets to the
// other side vanish.
func (n *Network) Part(hosts ...*Host) { n.move(hosts, apart) }

// Join undoes Part.
func (n *Network) Join(hosts ...*Host) { n.move(hosts, together) }

func (n *Network) move(hosts []*Host, bridge string) {
	n.TB.Helper()
	var moves []string
	for _, h := range hosts {
		moves = append(moves, "link set "+h.port+" master "+bridge)
	}
	n.hub.ip(n.TB, moves...)
}

// namespace makes a network namespace, which lasts as long as there are processes in it.
func namespace(tb testing.TB) *Host {
	tb.Helper()
	for _, tool := range []string{"nsenter", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			tb.Skipf("hosts of a network need the program %s", tool)
		}
	}
	holder := exec.Command("cat") // until its input ends, which it does with the test's process at the latest
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Setsid: true}
	held, err := holder.StdinPipe()
	must(tb, err)
	if err = holder.Start(); errors.Is(err, unix.EPERM) {
		tb.Skipf("only root can have hosts of a network: %v", err)
	}
	must(tb, err)
	tb.Cleanup(func() {
		held.Close()
		holder.Wait()
	})
	return &Host{holder: holder.Process.Pid}
}

// ip runs commands of the program ip on a host.
func (h *Host) ip(tb testing.TB, commands ...string) {
	tb.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	h.Run(cmd)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("ip %q: %v: %s", commands, err, out)
	}
}
