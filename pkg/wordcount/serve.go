package wordcount

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisfn"
)

// Exit statuses of a worker that end its whole job, for every other worker would meet the same. A job that ends of them has
// the first two too.
const (
	ExitRefused = 3 // Redis refuses
	ExitState   = 4 // the job contradicts itself
	ExitForeign = 7 // this host's files are not the job's
)

// WorkerStatus is the exit status of a worker that ended with an error. That Redis stayed away or has no memory left is for
// the supervisor to say, who sees more of it. No worker ends with 2, by which a crash is known.
func WorkerStatus(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errImpatient), redisfn.Code(err) == "OOM":
		return 1
	case errors.Is(err, ErrRedis):
		return ExitRefused
	case errors.Is(err, ErrState):
		return ExitState
	case errors.Is(err, errForeign):
		return ExitForeign
	}
	return 1
}

// ServeWorker is the whole life of a worker process: it reads its WorkerSpec from in, connects, and works until the job
// is sealed or in ends.
func ServeWorker(in io.Reader, connect func(spec WorkerSpec) (redis.UniversalClient, error)) error {
	lifeline := bufio.NewReader(in)
	line, err := lifeline.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the worker's instructions: %w", err)
	}
	var spec WorkerSpec
	if err := json.Unmarshal(line, &spec); err != nil {
		return fmt.Errorf("read the worker's instructions: %w", err)
	}
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
	w := &Worker{Redis: rdb, Job: spec.Job, Consumer: spec.Consumer, Lease: spec.Lease, Memory: spec.Memory, Trust: &spec.Trust,
		Faults: spec.Faults}
	w.life.Store(int64(spec.Life))
	go func() {
		defer func() {
			end()
			// Nobody is left to kill a worker that is stuck in a call that nothing interrupts.
			time.AfterFunc(stopWithin, func() { os.Exit(1) })
		}()
		for news := bufio.NewScanner(lifeline); news.Scan(); { // ends when the supervisor closes it, or dies
			if life, err := time.ParseDuration(news.Text()); err == nil {
				w.life.Store(int64(life))
			}
		}
	}()
	return w.Run(ctx)
}
