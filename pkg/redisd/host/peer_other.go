//go:build !linux

package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// checkSocketPeer asks nothing: only this user can enter the socket's folder.
func checkSocketPeer(*net.UnixConn) error { return nil }

// holder is the user and the process that hold a socket.
type holder struct{ uid, pid int }

func (h holder) String() string { return fmt.Sprintf("process %d of user %d", h.pid, h.uid) }

// listeners returns who listens on a port of the loopback. lsof shows a user's own listeners only.
func listeners(at netip.AddrPort) ([]holder, error) {
	out, err := exec.Command("lsof", "-nP", "-a", "-u", strconv.Itoa(os.Geteuid()),
		"-iTCP:"+strconv.Itoa(int(at.Port())), "-sTCP:LISTEN", "-t").Output()
	if err != nil && len(out) == 0 {
		return nil, nil // lsof also fails if it finds none
	}
	var found []holder
	for pid := range strings.FieldsSeq(string(out)) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			return nil, fmt.Errorf("it can't be told who listens there: lsof says %q", pid)
		}
		found = append(found, holder{os.Geteuid(), n})
	}
	return found, nil
}

// checkAccepted asks nothing: the system has no table to ask.
func checkAccepted(_, _ netip.AddrPort, _ func(uid int) bool) error { return nil }
