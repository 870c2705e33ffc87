package wordcount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// roleVariable holds a process's role.
const roleVariable = "WORDCOUNT_ROLE"

const roleWorker = "worker"

// ErrNoMain reports that workers can't be processes of this program, because it hasn't called Main.
var ErrNoMain = errors.New("wordcount: the program must call wordcount.Main before anything else, or set Config.InProcess")

// mainCalled is set by Main.
var mainCalled atomic.Bool

// Main makes workers of this program's processes that are meant to be workers, and returns in all others. A program whose
// workers are processes calls it before it does anything else, first in main or in an init function:
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
	return e.Client(spec.Consumer)
}

// Role is the role that Program gave this process; "" if somebody else started it.
func Role() string { return os.Getenv(roleVariable) }

// Program is a new process of this program in a role, which Role tells it.
func Program(role string) *exec.Cmd {
	// The file that we were started from may have been rebuilt or removed since. Linux still knows it.
	self := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if self, err = os.Executable(); err != nil {
			self = os.Args[0]
		}
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// workers count until the job is sealed, as processes or as goroutines.
type workers interface {
	Start(ctx context.Context) error
	Stop()    // ends them in good order
	Dismiss() // ends them when the job is sealed
	Living() int
	Restarts() int // how many died and were replaced
	PIDs() []int   // of the living that are processes
}

// goroutines are workers in this process.
type goroutines struct {
	rdb  redis.UniversalClient
	spec worker.Spec // what each is told; Consumer is its own
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

// Dismiss ends workers of a sealed job: each sees that it is sealed, or is ended.
func (g *goroutines) Dismiss() { g.Stop() }

func (g *goroutines) Living() int { return int(g.living.Load()) }

func (g *goroutines) Restarts() int { return 0 }

func (g *goroutines) PIDs() []int { return nil }
