package host

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// processes lists the live server processes of this user that carry name. The user matters because
// anybody can give a process any title. It reads /proc, because small images have no ps.
func processes(name string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("redisd: list processes: %w", err)
	}
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// Both reads fail if the process ends meanwhile: then it isn't live.
		command, err := os.ReadFile("/proc/" + e.Name() + "/cmdline") // empty for a zombie
		if err != nil || !carries(string(command), name) {
			continue
		}
		if info, err := e.Info(); err == nil && owner(info) == os.Geteuid() {
			found = append(found, pid)
		}
	}
	return found, nil
}

// dying reports whether a process is ending. Such a process has no command line, but its last
// thread still holds its port and its files; the main thread waits for that as a zombie.
func dying(pid int) bool {
	stat, ok := readStat(pid)
	return ok && stat.exiting && !(stat.state == "Z" && stat.threads == 1)
}

type stat struct {
	state   string
	threads int
	exiting bool
}

// readStat reads what proc(5) calls /proc/pid/stat.
func readStat(pid int) (stat, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	// pid (program) state parent group …, where program may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 18 {
		return stat{}, false
	}
	const exiting = 0x4 // PF_EXITING of the kernel's sched.h
	flags, err1 := strconv.Atoi(fields[6])
	threads, err2 := strconv.Atoi(fields[17])
	return stat{
		state:   fields[0],
		threads: threads,
		exiting: flags&exiting != 0,
	}, err1 == nil && err2 == nil
}
