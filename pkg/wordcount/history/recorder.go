package history

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// Variable is the environment variable that names the folder of the histories. Child processes
// inherit it.
const Variable = "WORDCOUNT_HISTORY"

// suffix ends the names of the files.
const suffix = ".jsonl"

// Recorder writes the calls of one process. Several goroutines may use it. A nil Recorder records
// nothing.
type Recorder struct {
	mu    sync.Mutex
	file  *os.File // nil: nothing is recorded at present
	calls int      // so far
	err   error    // of the first write that failed: the history has a hole from there on
}

// FromEnvironment returns the recorder of this process; nil if Variable isn't set.
var FromEnvironment = sync.OnceValues(func() (*Recorder, error) {
	dir := os.Getenv(Variable)
	if dir == "" {
		return nil, nil
	}
	r := &Recorder{}
	return r, r.Turn(dir)
})

// Turn makes the recorder write to a new file in dir from now on. It makes the folder if it isn't
// there. Calls that are under way stay without an answer in the old file. An empty dir ends the
// recording.
func (r *Recorder) Turn(dir string) error {
	var file *os.File
	if dir != "" {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			name := fmt.Sprintf("%d-%016x%s", os.Getpid(), rand.Uint64(), suffix)
			file, err = os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		}
		if err != nil {
			return fmt.Errorf("record the history: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.err = file, nil
	return nil
}

// Attach records what is called through a client from now on.
func (r *Recorder) Attach(rdb redis.UniversalClient) {
	if r != nil {
		rdb.AddHook(hook{r})
	}
}

// Restart records ensure, which makes sure that a server runs and reports whether it had to start
// it. In a restart, the server may go back to any earlier state, or to nothing. Ensure holds a
// lock that keeps others from starting the same server.
func (r *Recorder) Restart(ensure func() (restarted bool, err error)) error {
	n, err := r.begin(Call{Name: Restart})
	if err != nil {
		return err
	}
	restarted, err := ensure()
	end := Call{Answer: restarted}
	if err != nil { // it may have started nevertheless
		end = Call{Lost: err.Error()}
	}
	r.end(n, end)
	return err
}

// Note records something that is no call, with its arguments, as it happens.
func (r *Recorder) Note(name, job string, args ...string) error {
	n, err := r.begin(Call{Name: name, Job: job, Args: args})
	if err == nil {
		r.end(n, Call{})
	}
	return err
}

// begin writes the first line of a call, and returns its number.
func (r *Recorder) begin(c Call) (n int, err error) {
	if r == nil {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	c.N, c.Start = r.calls, now()
	return c.N, r.write(c)
}

// end writes the second line of a call. If it can't, the call stays without an answer.
func (r *Recorder) end(n int, c Call) {
	if r == nil {
		return
	}
	c.N, c.End = n, now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(c)
}

// write writes a line. Only with the lock held.
func (r *Recorder) write(c Call) error {
	if r.file == nil || r.err != nil {
		return r.err
	}
	line, err := json.Marshal(c)
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	if err != nil {
		r.err = fmt.Errorf("record the history: %w", err)
	}
	return r.err
}

// now is the time that all processes of this host share, in nanoseconds.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every system that this builds for has the clock
	}
	return t.Nano()
}
