package wordcount

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// CheckServer refuses a server that could lose our keys without a crash: evicting a stream looks like success.
func CheckServer(ctx context.Context, rdb redis.UniversalClient) error {
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return checkEviction(ctx, master) })
	}
	return checkEviction(ctx, rdb)
}

func checkEviction(ctx context.Context, rdb redis.UniversalClient) error {
	info, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		return classify(err)
	}
	if policy := infoField(info, "maxmemory_policy"); strings.HasPrefix(policy, "allkeys-") {
		return fmt.Errorf("%w: maxmemory-policy %s may drop keys of a running job: use a server with noeviction", ErrRedis, policy)
	}
	return nil
}
