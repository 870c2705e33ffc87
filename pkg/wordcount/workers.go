package wordcount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// roleVariable is the environment variable that holds a process's role.
const roleVariable = "WORDCOUNT_ROLE"

const roleWorker = "worker"

// functionVariable is the environment variable that holds the name of the function that a process
// needs, if its job has the words func:NAME.
const functionVariable = "WORDCOUNT_FUNCTION"

// ErrNoMain reports that the workers can't be processes of this program, because the program hasn't
// called Main.
var ErrNoMain = errors.New("wordcount: the program must call wordcount.Main before anything else, or set Config.InProcess")

// mainCalled is set by Main.
var mainCalled atomic.Bool

// Main runs the worker if this process is meant to be a worker, and then ends the process. In all
// other processes it returns at once. A program whose workers are processes must call Main before
// it does anything else, first in main or in an init function:
//
//	func main() {
//		wordcount.Main()
//		…
//	}
func Main() {
	mainCalled.Store(true)
	if Role() != roleWorker {
		return
	}
	err := worker.Serve(os.Stdin, connectWorker)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
	}
	os.Exit(worker.ExitStatus(err))
}

func connectWorker(spec worker.Spec) (redis.UniversalClient, error) {
	var e redisd.Endpoint
	if err := json.Unmarshal(spec.Server, &e); err != nil {
		return nil, fmt.Errorf("read the worker's instructions: %w", err)
	}
	rdb, err := e.Client(spec.Consumer)
	if err != nil {
		return nil, err
	}
	record, err := history.FromEnvironment()
	if err != nil {
		return nil, err
	}
	record.Attach(rdb)
	return rdb, nil
}

// Role returns the role that Program gave this process; "" if the process was started otherwise.
func Role() string { return os.Getenv(roleVariable) }

// Program returns a command that starts this program as a new process in a role. The new process
// reads the role with Role.
func Program(role string) *exec.Cmd {
	// The program file may have been rebuilt or removed since this process started. Linux still has
	// it.
	self := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if self, err = os.Executable(); err != nil {
			self = os.Args[0]
		}
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, functionVariable+"=")
	return cmd
}

// ForWords adds to a command of Program which function these words need. Function returns it in the new
// process.
func ForWords(cmd *exec.Cmd, words string) *exec.Cmd {
	if name, needed := strings.CutPrefix(words, "func:"); needed {
		cmd.Env = append(cmd.Env, functionVariable+"="+name)
	}
	return cmd
}

// Function returns the name of the function without which this process can't do what its role says;
// "" if it needs none. Package words has the functions.
func Function() string { return os.Getenv(functionVariable) }

// workers count until the job is sealed. They are processes or goroutines.
type workers interface {
	Start(ctx context.Context) error
	Stop()    // ends them in good order
	Dismiss() // ends them when the job is sealed
	Living() int
	Restarts() int // how many workers died and were replaced
	PIDs() []int   // of the living workers that are processes
}

// goroutines are workers in this process.
type goroutines struct {
	rdb  redis.UniversalClient
	spec worker.Spec // what each worker is told; each gets its own Consumer
	size int
	fail func(error)

	stop   context.CancelFunc
	living atomic.Int32
	all    sync.WaitGroup
}

func (g *goroutines) Start(ctx context.Context) error {
	ctx, g.stop = context.WithCancel(ctx)
	for range g.size {
		spec := g.spec
		spec.Consumer = worker.NewName()
		w, err := worker.New(g.rdb, spec)
		if err != nil {
			g.Stop()
			return err
		}
		g.living.Add(1)
		g.all.Go(func() {
			defer g.living.Add(-1)
			if err := w.Run(ctx); err != nil {
				g.fail(err)
			}
		})
	}
	return nil
}

func (g *goroutines) Stop() {
	g.stop()
	g.all.Wait()
}

// Dismiss ends the workers of a sealed job, which have nothing left to do.
func (g *goroutines) Dismiss() { g.Stop() }

func (g *goroutines) Living() int { return int(g.living.Load()) }

func (g *goroutines) Restarts() int { return 0 }

func (g *goroutines) PIDs() []int { return nil }
