package redisd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// processes lists the live processes that bear name. It reads /proc, because
// small images have no ps.
func processes(name string) ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("redisd: list processes: %w", err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// Both reads fail when the process ends meanwhile: then it isn't live.
		command, err := os.ReadFile("/proc/" + e.Name() + "/cmdline") // empty for a zombie
		if err != nil || !ours(string(command), name) {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// pid (program) state parent group …, where program may hold anything.
		_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 3 {
			continue
		}
		group, err := strconv.Atoi(fields[2])
		if err != nil {
			continue
		}
		found = append(found, process{pid: pid, group: group})
	}
	return found, nil
}
