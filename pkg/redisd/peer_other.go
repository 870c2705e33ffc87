//go:build !linux

package redisd

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// checkSocketPeer has nothing to ask: the socket's folder is this user's alone.
func checkSocketPeer(*net.UnixConn) error { return nil }

// holder is whose a socket is.
type holder struct{ uid, pid int }

func (h holder) String() string { return fmt.Sprintf("process %d of user %d", h.pid, h.uid) }

// listeners are those who listen on a port of the loopback, as far as lsof may
// see them: others' are hidden from a user.
func listeners(at netip.AddrPort) ([]holder, error) {
	out, err := exec.Command("lsof", "-nP", "-a", "-u", strconv.Itoa(os.Geteuid()), "-iTCP:"+strconv.Itoa(int(at.Port())), "-sTCP:LISTEN", "-t").Output()
	if err != nil && len(out) == 0 {
		return nil, nil // lsof fails if there is none, too
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

// checkAccepted has nothing to ask here.
func checkAccepted(_, _ netip.AddrPort, _ func(uid int) bool) error { return nil }
