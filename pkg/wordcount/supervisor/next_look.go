package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

// A look costs Redis some 0.2 ms. With 50 looks a second, the looks would take three quarters of all the
// time that a job that keeps few words takes of Redis.
const (
	lookEvery = 20 * time.Millisecond // between two looks, at least
	// While maps are counted, the time between two looks is a part of the time that the watch has
	// taken: short jobs are looked at as often as others.
	lookPart     = 10
	lookMapsMost = 200 * time.Millisecond // between two looks while maps are counted, at most
)

// awaitNextLook waits until it is time for another look at the job. While maps are counted, it waits
// in a read of the reduce tasks, because that ends at once when the last map is committed, or when
// the server dies.
func (w *watch) awaitNextLook(ctx context.Context, st protocol.Status) error {
	every := max(lookEvery, min(time.Since(w.began)/lookPart, lookMapsMost))
	// After a revoke, the reduce tasks are there although maps are missing.
	if st.Phase == protocol.Mapping && st.Reducers > 0 && st.Revoked == 0 {
		// A server that is paused answers nothing, so the read has the same bound as a look.
		within, cancel := context.WithTimeout(ctx, observeWithin)
		defer cancel()
		err := w.home.client.Redis.XRead(within, &redis.XReadArgs{
			Streams: []string{w.home.client.Job.StreamKey(protocol.Reducing.Stream()), "0"}, Count: 1, Block: every,
		}).Err()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, redis.Nil) { // nothing came
			return nil
		}
		// Whatever ended the read, another look sees it. A user without the right to read waits
		// below, as do all others once there are reduce tasks.
	}
	return retry.Sleep(ctx, lookEvery)
}
