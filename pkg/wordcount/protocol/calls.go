package protocol

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Calls counts what a process asks Redis. It is for display only. Any goroutine may use it.
type Calls struct {
	trips, commits, failed atomic.Int64
	committing             atomic.Int64 // nanoseconds
}

// CallCounts is what Calls has counted.
type CallCounts struct {
	Trips         int64   `json:"trips,omitempty"`   // requests of a command or a pipeline, also those that set a connection up
	Commits       int64   `json:"commits,omitempty"` // calls that named an output or stored totals
	CommitSeconds float64 `json:"seconds,omitempty"` // until they were answered
	Failed        int64   `json:"failed,omitempty"`  // calls that reported an error of a task
}

// Attach counts the requests of a client from now on. A nil c counts nothing.
func (c *Calls) Attach(rdb redis.UniversalClient) {
	if c != nil {
		rdb.AddHook(callsHook{c})
	}
}

// Counts returns what was counted so far; nothing if c is nil.
func (c *Calls) Counts() CallCounts {
	if c == nil {
		return CallCounts{}
	}
	return CallCounts{
		Trips: c.trips.Load(), Commits: c.commits.Load(), CommitSeconds: time.Duration(c.committing.Load()).Seconds(), Failed: c.failed.Load(),
	}
}

var (
	commitFunctions = map[any]bool{Function("commit"): true, Function("put"): true, Function("put_files"): true}
	failFunction    = any(Function("fail"))
)

// answered counts what a command was for. err is the error that it was answered with.
func (c *Calls) answered(cmd redis.Cmder, err error, took time.Duration) {
	args := cmd.Args()
	if err != nil || cmd.Name() != "fcall" || len(args) < 2 {
		return
	}
	switch {
	case commitFunctions[args[1]]:
		c.commits.Add(1)
		c.committing.Add(int64(took))
	case args[1] == failFunction:
		c.failed.Add(1)
	}
}

type callsHook struct{ calls *Calls }

func (callsHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h callsHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmd)
		h.calls.trips.Add(1)
		h.calls.answered(cmd, err, time.Since(began)) // the command gets its error later
		return err
	}
}

func (h callsHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmds)
		h.calls.trips.Add(1)
		for _, cmd := range cmds {
			h.calls.answered(cmd, cmd.Err(), time.Since(began))
		}
		return err
	}
}
