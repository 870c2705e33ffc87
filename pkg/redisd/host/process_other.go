//go:build !linux

package host

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// processes lists the live server processes of this user that carry name. The user matters because
// anybody can give a process any title.
func processes(name string) ([]int, error) {
	out, err := exec.Command("ps", "-axww", "-o", "pid=,uid=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("redisd: list processes: %w", err)
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !carries(strings.Join(fields[2:], " "), name) {
			continue
		}
		pid, err1 := strconv.Atoi(fields[0])
		uid, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil && uid == os.Geteuid() {
			found = append(found, pid)
		}
	}
	return found, nil
}

// dying reports whether a process is ending: it may still hold its port and its files.
func dying(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "E") && !strings.Contains(string(out), "Z")
}
