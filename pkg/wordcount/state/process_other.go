//go:build !linux

package state

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// holds reports whether a process of this user has the file of a lock open. Only supervisors have
// it open for more than a moment. It asks lsof, which macOS has; without lsof it is false.
func holds(pid int, lock *os.File) bool {
	number := strconv.Itoa(pid)
	user, err := exec.Command("ps", "-o", "uid=", "-p", number).Output()
	if err != nil || strings.TrimSpace(string(user)) != strconv.Itoa(os.Geteuid()) {
		return false
	}
	out, err := exec.Command("lsof", "-a", "-p", number, "-t", "--", lock.Name()).Output()
	return err == nil && strings.TrimSpace(string(out)) == number
}

// children lists the living children of a process that belong to this user and whose command line
// ends with these arguments.
func children(parent int, args []string) (pids []int) {
	out, err := exec.Command("ps", "-axww", "-o", "pid=,ppid=,uid=,command=").Output()
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3+len(args) || fields[1] != strconv.Itoa(parent) || fields[2] != strconv.Itoa(os.Geteuid()) ||
			!slices.Equal(fields[len(fields)-len(args):], args) {
			continue
		}
		if pid, err := strconv.Atoi(fields[0]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
