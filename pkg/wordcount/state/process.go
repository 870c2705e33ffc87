package state

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// To signal a process, find it here. A number in Redis or in a file proves nothing: anybody may have
// written it, and the system gives the number of a dead process to another one. So the system is
// asked. A process is first held and then checked: on Linux, an os.Process that was found is a
// descriptor, and stays that process.

// ErrNoProcess reports that no process of this machine is known to be the one that was asked for.
var ErrNoProcess = fmt.Errorf("%w: no such process here", protocol.ErrIncomplete)

// Supervisor returns the process that holds the lock of a job in this folder. The error is
// ErrNoProcess if there is none, if this machine can't see it, or for a moment after it has begun.
func (f Folder) Supervisor(job string) (*os.Process, error) {
	lock, err := f.lockFile(job)
	if err != nil {
		return nil, fmt.Errorf("%w: the supervisor of job %s: %w", ErrNoProcess, job, err)
	}
	defer lock.Close()
	text, err := io.ReadAll(io.LimitReader(lock, 32))
	if err != nil {
		return nil, fmt.Errorf("%w: the supervisor of job %s: %w", ErrNoProcess, job, err)
	}
	said := strings.TrimSpace(string(text))
	pid, err := strconv.Atoi(said)
	if err == nil {
		if p, ok := hold(pid, func() bool { return holds(pid, lock) }); ok {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: the supervisor of job %s calls itself process %q, which doesn't hold the job's lock", ErrNoProcess, job, said)
}

// lockFile opens the lock to read it. Links that lead out of the folder are not followed: somebody
// may have put them there, and a process that locks the file behind them is no supervisor.
func (f Folder) lockFile(job string) (*os.File, error) {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// O_NONBLOCK, because it may be a pipe.
	lock, err := root.OpenFile(filepath.Join("jobs", job, "lock"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := lock.Stat(); err != nil || !info.Mode().IsRegular() {
		lock.Close()
		return nil, errors.Join(err, errors.New("its lock is no regular file"))
	}
	return lock, nil
}

// Worker returns the living process of a worker, if it is a child of the job's supervisor in this
// folder. The error is ErrNoProcess if not. Workers that joined from elsewhere have another parent.
func (f Folder) Worker(job, consumer string) (*os.Process, error) {
	supervisor, err := f.Supervisor(job)
	if err != nil {
		return nil, err
	}
	defer supervisor.Release()
	for _, pid := range children(supervisor.Pid, WorkerTitle(consumer)) {
		p, ok := hold(pid, func() bool {
			return slices.Contains(children(supervisor.Pid, WorkerTitle(consumer)), pid) &&
				supervisor.Signal(syscall.Signal(0)) == nil // else its number may be another process by now
		})
		if ok {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: worker %.80q is no child of the supervisor of job %s in this folder", ErrNoProcess, consumer, job)
}

// WorkerTitle ends the command line of a worker's process. It tells the worker from its
// supervisor's other children.
func WorkerTitle(consumer string) []string { return []string{"wordcount-worker", consumer} }

// hold finds a process, and then makes sure that it is the one that is meant.
func hold(pid int, meant func() bool) (*os.Process, bool) {
	// A number below 2 means init or many processes, and the system cuts off a number that is too large.
	if pid <= 1 || pid > math.MaxInt32 {
		return nil, false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, false
	}
	if !meant() {
		p.Release()
		return nil, false
	}
	return p, true
}
