package bench

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Memory is what a contender needed at its highest, in bytes.
type Memory struct {
	// Largest is the largest process of it, as the system says when it ends. No process is seen smaller than the one
	// that measures, some 20 MB.
	Largest int64 `json:"largest_process"`

	// Of a job alone. The first two are seen on Linux only, in the round that isn't counted. Pages of the program that
	// processes share count in each of them. Redis is what that had allocated.
	Supervisor int64   `json:"supervisor,omitempty"`
	Workers    []int64 `json:"workers,omitempty"`
	Redis      int64   `json:"redis,omitempty"`
}

// Total is the sum of the processes, as far as they are known.
func (m Memory) Total() int64 {
	total := m.Supervisor
	for _, w := range m.Workers {
		total += w
	}
	return max(total, m.Largest) + m.Redis
}

// lookEvery is how often processes are looked at. A peak of less than that is missed; the system's own figure has it.
const lookEvery = 5 * time.Millisecond

// watch looks at a job's supervisor and its workers, until ctx ends. Workers are those children that run the same program
// and lead a process group: the Go runtime forks others, for a moment.
func watch(ctx context.Context, pid int) (m Memory) {
	program, _ := os.Readlink(proc(pid, "exe"))
	workers := map[int]int64{}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		m.Supervisor = max(m.Supervisor, peak(pid))
		for _, child := range children(pid) {
			exe, _ := os.Readlink(proc(child, "exe"))
			group, _ := syscall.Getpgid(child)
			if bytes := peak(child); bytes > 0 && exe == program && group == child {
				workers[child] = bytes // the last look counts: before it is a program of its own, a child has its parent's peak
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	for _, bytes := range workers {
		m.Workers = append(m.Workers, bytes)
	}
	slices.Sort(m.Workers)
	return m
}

func proc(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// peak is the most that a process ever had in memory; 0 if the system doesn't say.
func peak(pid int) int64 {
	status, _ := os.ReadFile(proc(pid, "status"))
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return kib * 1024
}

// children are the processes that any thread of this one has started.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob(proc(pid, "task/*/children"))
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for _, field := range bytes.Fields(list) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
