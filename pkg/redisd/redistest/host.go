package redistest

import (
	"fmt"
	"os/exec"
)

// Host is where a process of a test runs: this machine, or a host of a Network.
type Host struct {
	IP string // at which others reach it

	holder int // a process in its network namespace; 0: the test's own namespace
	mac    string
	port   string // of the switch
}

// here is this machine, whose servers listen on the loopback.
var here = &Host{IP: "127.0.0.1"}

// Run makes a command run on the host. It is the same process as without Run: it has the PID, the
// files and the signals.
func (h *Host) Run(cmd *exec.Cmd) {
	if h.holder == 0 {
		return
	}
	there := exec.Command("nsenter", append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", h.holder), "--", cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path, cmd.Args, cmd.Err = there.Path, there.Args, there.Err
}
