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
	"runtime/debug"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

// Exit statuses that are fatal to the job, because any other worker would fail the same way. A job that ends by one of the
// first two has that status, too.
const (
	ExitRefused = 3 // Redis refuses
	ExitState   = 4 // the job contradicts itself
	ExitForeign = 7 // this host's files are not the job's
)

// StopWithin is how long workers have to leave before they are killed. Mage itself ends everything after five seconds.
const StopWithin = 2500 * time.Millisecond

// ExitStatus is the exit status of a worker that ended with an error. That Redis stayed away, or has no memory left, is for
// the supervisor to say, because it sees more of it. No worker ends with 2, because that status means a crash.
func ExitStatus(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, retry.ErrImpatient), protocol.IsOutOfMemory(err):
		return 1
	case errors.Is(err, protocol.ErrRedis):
		return ExitRefused
	case errors.Is(err, protocol.ErrState):
		return ExitState
	case errors.Is(err, plan.ErrForeign):
		return ExitForeign
	}
	return 1
}

// Serve is the whole life of a worker process: it reads its Spec from in, connects, and works until the job is sealed or in
// ends.
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
	// Next to nothing of the heap is garbage until a table grows or a commit ends, so it is collected late: the limit
	// takes care of the rest. The heap overshoots it when a large piece is asked for, by some 50 MiB of 256 as measured, and
	// the program itself takes place too.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(spec.Memory * 3 / 4)
	ctx, end := context.WithCancel(context.Background())
	defer end()
	w, err := New(rdb, spec)
	if err != nil {
		return err
	}
	go func() {
		defer func() {
			end()
			// Nobody is left to kill a worker that is stuck in a call that nothing interrupts.
			time.AfterFunc(StopWithin, func() { os.Exit(1) })
		}()
		for news := bufio.NewScanner(lifeline); news.Scan(); { // ends when the supervisor closes it, or dies
			if life, err := time.ParseDuration(news.Text()); err == nil {
				w.life.Store(int64(life))
			}
		}
	}()
	return w.Run(ctx)
}
