package wordcount

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"
)

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
	// takes care of the rest.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(spec.Memory)
	ctx, end := context.WithCancel(context.Background())
	w := &Worker{Redis: rdb, Job: spec.Job, Consumer: spec.Consumer, Lease: spec.Lease, Memory: spec.Memory, Faults: spec.Faults}
	w.life.Store(int64(spec.Life))
	go func() {
		defer end()
		for news := bufio.NewScanner(lifeline); news.Scan(); { // ends when the supervisor closes it, or dies
			if life, err := time.ParseDuration(news.Text()); err == nil {
				w.life.Store(int64(life))
			}
		}
	}()
	return w.Run(ctx)
}
