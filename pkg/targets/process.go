package targets

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"

	"github.com/magefile/mage/mg"
	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// roleVariable makes a process that imports this package something else than what it is. Calling a target by name
// would not do: under an import alias it has another one.
const roleVariable = "WORDCOUNT_ROLE"

// The roles.
const (
	roleWorker = "worker" // as wordcount.ServeWorker
	roleJob    = "job"    // the graph of Job, configured by the environment
)

// A compiled magefile runs itself again as a worker, so there is one binary, wherever it was copied to.
func init() {
	switch os.Getenv(roleVariable) {
	case roleWorker:
		exit(wordcount.ServeWorker(os.Stdin, connectWorker))
	case roleJob:
		exit(runJob())
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
	}
	os.Exit(mg.ExitStatus(err))
}

// runJob is what the target run does, without Mage around it.
func runJob() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := FromEnvironment()
	if err != nil {
		return coded(ctx, err)
	}
	return depend(ctx, []mg.Fn{Job(c)})
}

func connectWorker(spec wordcount.WorkerSpec) (redis.UniversalClient, error) {
	var e redisd.Endpoint
	if err := json.Unmarshal(spec.Redis, &e); err != nil {
		return nil, fmt.Errorf("read the worker's instructions: %w", err)
	}
	return e.Client(spec.Consumer)
}

func workerCommand() *exec.Cmd { return again(roleWorker) }

// again is this program in another role.
func again(role string) *exec.Cmd {
	// The file that we were started from may have been rebuilt or removed since; Linux still knows it.
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
