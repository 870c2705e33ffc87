package claim

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/redis/go-redis/v9"
)

func TestFault57AWorkerWhoseReadDoesNotComeBackFallsSilent(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{}) // outside, for it looks names up
	defer rdb.Close()
	synctest.Test(t, func(t *testing.T) {
		var beats atomic.Int32
		rdb.AddHook(wordcounttest.Hook(func(context.Context, redis.Cmder, redis.ProcessHook) error {
			beats.Add(1)
			return nil
		}))
		job := protocol.Job{ID: "job"}
		var leases Leases
		leases.add("a run", protocol.TaskID{Stream: "map", Number: 1})
		var reads Reads
		me := Consumer{Client: protocol.Client{Redis: rdb, Job: job}, Lease: 10 * time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		go Heartbeat{Consumer: me, Leases: &leases, Reads: &reads, Waits: new(atomic.Value)}.Run(ctx)
		speaks := func(what string, want bool) {
			t.Helper()
			before := beats.Load()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if n := beats.Load() - before; n > 0 != want {
				t.Errorf("%s it beats %d times", what, n)
			}
		}
		speaks("without a file", true)
		reads.Begin()
		speaks("with a file in work", true)
		for range 20 {
			reads.Next()
			speaks("while its reads get on", true)
		}
		time.Sleep(retry.Patience)
		speaks("long after its last read", false)
		reads.Next()
		speaks("when that has come back", true)
		reads.End()
		time.Sleep(2 * retry.Patience)
		speaks("long after its last file", true)
		cancel()
	})
}
