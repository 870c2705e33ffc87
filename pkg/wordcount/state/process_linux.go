package state

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// exclusive is a line of proc(5)'s fdinfo: an exclusive lock that belongs to this descriptor.
var exclusive = regexp.MustCompile(`(?m)^lock:.* WRITE `)

// holds reports whether a process of this user holds the exclusive lock of a file.
func holds(pid int, lock *os.File) bool {
	dir := fmt.Sprintf("/proc/%d", pid)
	wanted, err := lock.Stat()
	if err != nil || !ofThisUser(dir) {
		return false
	}
	// If the process ends meanwhile, every read fails. Then it holds nothing.
	open, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(open, func(fd os.DirEntry) bool {
		file, err := os.Stat(dir + "/fd/" + fd.Name())
		if err != nil || !os.SameFile(file, wanted) {
			return false
		}
		info, err := os.ReadFile(dir + "/fdinfo/" + fd.Name())
		return err == nil && exclusive.Match(info)
	})
}

// children lists the living children of a process that belong to this user and whose command line
// ends with these arguments.
func children(parent int, args []string) (pids []int) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range all {
		dir := "/proc/" + entry.Name()
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || parentOf(dir) != parent || !ofThisUser(dir) {
			continue
		}
		command, err := os.ReadFile(dir + "/cmdline") // empty for a zombie
		if err == nil && strings.HasSuffix(string(command), "\x00"+strings.Join(args, "\x00")+"\x00") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// parentOf reads the parent of a process from its stat file, see proc(5). It is 0 if the process
// has ended.
func parentOf(dir string) int {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0
	}
	// The line is: pid (program) state parent …, where program may contain anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}

func ofThisUser(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}
