// A word count as a Go programmer might write it with hibiken/asynq: one task a file, the counts
// added up in a sorted set by pipelines of ZINCRBY. It counts at least once: a task that is tried
// again after its ZINCRBYs were sent (a crash, a lost lease, a lost connection) counts its file
// again.
//
// usage: asynqwc DIR OUT    env: REDIS_URL, WORKERS (goroutines; default: one a core)
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	taskType = "wordcount:file"
	counts   = "asynqwc:counts"
	batch    = 1000   // ZINCRBYs in one pipeline
	page     = 10_000 // words of the result in one reply
)

func handle(rdb *redis.Client) asynq.HandlerFunc {
	return func(ctx context.Context, t *asynq.Task) error {
		data, err := os.ReadFile(string(t.Payload()))
		if err != nil {
			return err
		}
		m := make(map[string]int)
		for _, w := range bytes.FieldsFunc(data, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }) {
			m[string(w)]++
		}
		pipe := rdb.Pipeline()
		for w, n := range m {
			pipe.ZIncrBy(ctx, counts, float64(n), w)
			if pipe.Len() == batch {
				if _, err := pipe.Exec(ctx); err != nil {
					return err
				}
			}
		}
		_, err = pipe.Exec(ctx)
		return err
	}
}

func main() {
	at, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	workers := runtime.NumCPU()
	if w, err := strconv.Atoi(os.Getenv("WORKERS")); err == nil {
		workers = w
	}
	ctx := context.Background()
	rdb := redis.NewClient(at)
	rdb.Del(ctx, counts)
	opt := asynq.RedisClientOpt{Network: at.Network, Addr: at.Addr, Username: at.Username, Password: at.Password}

	start := time.Now()
	client := asynq.NewClient(opt)
	paths, _ := filepath.Glob(os.Args[1] + "/*")
	for _, p := range paths {
		if _, err := client.Enqueue(asynq.NewTask(taskType, []byte(p)), asynq.Timeout(10*time.Minute)); err != nil {
			log.Fatal(err)
		}
	}
	srv := asynq.NewServer(opt, asynq.Config{Concurrency: workers, LogLevel: asynq.ErrorLevel})
	mux := asynq.NewServeMux()
	mux.HandleFunc(taskType, handle(rdb))
	if err := srv.Start(mux); err != nil {
		log.Fatal(err)
	}
	insp := asynq.NewInspector(opt)
	for {
		q, err := insp.GetQueueInfo("default")
		if err != nil {
			log.Fatal(err)
		}
		if q.Pending+q.Active+q.Retry+q.Scheduled == 0 {
			if q.Archived > 0 {
				log.Fatalf("%d tasks failed", q.Archived)
			}
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	counted := time.Now()
	f, err := os.Create(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<16)
	for i := int64(0); ; i += page {
		zs, err := rdb.ZRangeWithScores(ctx, counts, i, i+page-1).Result()
		if err != nil {
			log.Fatal(err)
		}
		if len(zs) == 0 {
			break
		}
		for _, z := range zs {
			fmt.Fprintf(out, "%d\t%s\n", int64(z.Score), z.Member)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
	f.Close()
	fmt.Fprintf(os.Stderr, "counted %.3fs, written out %.3fs\n", counted.Sub(start).Seconds(), time.Since(counted).Seconds())
	rdb.Del(ctx, counts)
	srv.Shutdown()
}
