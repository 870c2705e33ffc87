package supervisor

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

// CheckServer refuses a server that could lose the job's keys without a crash, because the loss of
// an evicted stream looks like success. The error wraps protocol.ErrRedis. risk is one line about
// another danger that people should know; "" if there is none.
func CheckServer(ctx context.Context, rdb redis.UniversalClient) (risk string, err error) {
	var logs atomic.Bool
	check := func(ctx context.Context, master redis.UniversalClient) error {
		info, err := master.InfoMap(ctx, "memory", "persistence").Result()
		if err != nil {
			return protocol.Classify(err)
		}
		if policy := info["Memory"]["maxmemory_policy"]; strings.HasPrefix(policy, "allkeys-") {
			return fmt.Errorf("%w: maxmemory-policy %s may drop keys of a running job: use a server with noeviction", protocol.ErrRedis, policy)
		}
		if info["Persistence"]["aof_enabled"] == "1" {
			logs.Store(true)
		}
		return nil
	}
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return check(ctx, master) })
	} else {
		err = check(ctx, rdb)
	}
	if err == nil && logs.Load() {
		risk = "the server has an append-only file: killed in mid-write it may come back with half of a commit, and the run then ends with exit 4"
	}
	return risk, err
}
