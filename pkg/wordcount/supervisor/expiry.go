package supervisor

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// How often a job's keys get a time to live, so that they go some day if no supervisor comes back.
const (
	expireEvery  = 2 * time.Second // new keys
	prolongEvery = time.Hour       // all of them
)

// expiry lets the keys of a job on a given server expire, unless a supervisor keeps prolonging
// their time. A supervisor can be killed at any moment, so the keys of a running job have a time to
// live, too. Only the goroutine of the supervisor's owner uses it.
type expiry struct {
	home home
	ttl  time.Duration // 0: keys stay for ever

	looked    time.Time // when new keys last got a time
	prolonged time.Time // when all keys last got the whole time
}

// keep gives keys their time to live if that is due. Errors are left to the watch, which meets the
// same ones, and to the next try.
func (e *expiry) keep(ctx context.Context) {
	if time.Since(e.looked) >= expireEvery {
		e.keepNow(ctx)
	}
}

// keepNow is keep, whenever the last one was.
func (e *expiry) keepNow(ctx context.Context) {
	if e.ttl <= 0 {
		return
	}
	e.looked = time.Now()
	server, err := e.home.client.Server(ctx)
	if err != nil {
		return
	}
	// Some servers evict keys that have a time to live. There, a job that isn't sealed must have
	// none.
	info, err := server.InfoMap(ctx, "memory").Result()
	if err != nil || strings.HasPrefix(info["Memory"]["maxmemory_policy"], "volatile-") {
		return
	}
	all := time.Since(e.prolonged) >= prolongEvery
	_, err = server.TxPipelined(ctx, func(p redis.Pipeliner) error { // they expire together
		for _, key := range e.home.client.Job.AllKeys() {
			if all {
				p.Expire(ctx, key, e.ttl)
			} else {
				p.ExpireNX(ctx, key, e.ttl)
			}
		}
		return nil
	})
	if err == nil && all {
		e.prolonged = time.Now()
	}
}
