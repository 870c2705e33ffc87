package bench

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What is read here from /proc is there on Linux only.

// lookEvery is how often the memory of processes is looked at; a shorter peak is missed.
const lookEvery = 5 * time.Millisecond

// watch returns the sum of the peaks of a job's supervisor and its workers, in bytes, when ctx
// ends. Pages of the program that they share count in each.
func watch(ctx context.Context, supervisor int) (sum int64) {
	peaks := map[int]int64{}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		peaks[supervisor] = max(peaks[supervisor], peak(supervisor))
		for _, worker := range workers(supervisor) {
			// The last look counts, because a child has its parent's peak until it runs a program.
			if bytes := peak(worker); bytes > 0 {
				peaks[worker] = bytes
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	for _, bytes := range peaks {
		sum += bytes
	}
	return sum
}

// killWorkers kills a worker of a job at each interval until ctx ends, and returns how often it
// did. The worker was there an interval before, because one that is just starting has no work to
// lose. Unlike the faults of package chaos it doesn't watch the recovery, which would cost time of
// its own.
func killWorkers(ctx context.Context, supervisor int, every time.Duration) (killed int) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before []int
	for {
		select {
		case <-ctx.Done():
			return killed
		case <-tick.C:
		}
		now := workers(supervisor)
		victims := slices.DeleteFunc(slices.Clone(now), func(pid int) bool { return !slices.Contains(before, pid) })
		if len(victims) > 0 && kill(victims[rand.IntN(len(victims))]) == nil {
			killed++
		}
		before = now
	}
}

func kill(pid int) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return process.Kill()
}

// workers are those children that run the same program and lead a process group: the Go runtime
// forks others for a moment.
func workers(supervisor int) (pids []int) {
	program, _ := os.Readlink(proc(supervisor, "exe"))
	files, _ := filepath.Glob(proc(supervisor, "task/*/children"))
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(list)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				continue
			}
			exe, _ := os.Readlink(proc(pid, "exe"))
			group, _ := syscall.Getpgid(pid)
			if exe != "" && exe == program && group == pid {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// peak is the most that a process ever had in memory; 0 if the system doesn't say.
func peak(pid int) int64 {
	kib, _ := strconv.ParseInt(grep(proc(pid, "status"), `VmHWM:\s*(\d+)`), 10, 64)
	return kib * 1024
}

func proc(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }
