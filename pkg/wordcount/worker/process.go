package worker

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/redis/go-redis/v9"
)

// Exit statuses of a worker that isn't replaced, because any other worker of this host would fail the
// same way. A job that ends because of one of the first two has the same exit status.
const (
	ExitRefused = 3 // Redis refuses
	ExitState   = 4 // the job contradicts itself
	ExitForeign = 7 // the files of this host are not the job's
	ExitBudget  = 8 // the job would take more of the server's memory than it may
	ExitStore   = 9 // this host can't use the store of the map outputs
)

// StopWithin is how long workers have to leave before they are killed. Mage itself ends everything
// after five seconds.
const StopWithin = 2500 * time.Millisecond

// ExitStatus is the exit status of a worker that ended with err. It is 1 if Redis stayed
// unreachable or has no memory left: the supervisor reports those, because it sees more of them. It
// is never 2, because that status means a crash.
func ExitStatus(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, retry.ErrImpatient), protocol.IsOutOfMemory(err):
		return 1
	case errors.Is(err, protocol.ErrBudget):
		return ExitBudget
	case errors.Is(err, protocol.ErrRedis):
		return ExitRefused
	case errors.Is(err, protocol.ErrState):
		return ExitState
	case errors.Is(err, plan.ErrForeign):
		return ExitForeign
	case errors.Is(err, shuffle.ErrHost):
		return ExitStore
	}
	return 1
}

// Serve is the whole life of a worker process. It reads its Spec from in, connects, and works until
// the job is sealed, in ends, or SIGTERM comes. A service manager sends that to all processes of a
// service at once.
func Serve(in io.Reader, connect func(spec Spec) (redis.UniversalClient, error)) error {
	lifeline := bufio.NewReader(in)
	line, err := lifeline.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the worker's instructions: %w", err)
	}
	var spec Spec
	if err := json.Unmarshal(line, &spec); err != nil {
		return fmt.Errorf("read the worker's instructions: %w", err)
	}
	spec.Memory = cmp.Or(spec.Memory, DefaultWorkerMemory)
	rdb, err := connect(spec)
	if err != nil {
		return err
	}
	defer rdb.Close()
	calls := new(protocol.Calls)
	calls.Attach(rdb)
	memory.Limit(spec.Memory)
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer end()
	w, err := New(rdb, spec)
	if err != nil {
		return err
	}
	w.heartbeat.Calls = calls
	go func() {
		defer func() {
			end()
			// Once the supervisor is gone, nothing else kills a worker that is stuck in an
			// uninterruptible call.
			time.AfterFunc(StopWithin, func() { os.Exit(1) })
		}()
		// The loop ends when the supervisor closes in, or dies.
		for news := bufio.NewScanner(lifeline); news.Scan(); {
			if life, err := time.ParseDuration(news.Text()); err == nil {
				w.shared.life.Store(int64(life))
			}
		}
	}()
	return w.Run(ctx)
}
