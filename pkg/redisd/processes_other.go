//go:build !linux

package redisd

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// processes lists the live processes of this user that bear name: others can
// give theirs any title.
func processes(name string) ([]int, error) {
	out, err := exec.Command("ps", "-axww", "-o", "pid=,uid=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("redisd: list processes: %w", err)
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !ours(strings.Join(fields[2:], " "), name) {
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

// dying reports whether pid is on its way out, still holding its port and files.
func dying(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "E") && !strings.Contains(string(out), "Z")
}
