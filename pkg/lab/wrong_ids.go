package lab

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// wrongIDs seeds with automatic IDs. To Redis each call is a new entry, so a seed that is repeated
// adds texts that are there.
func wrongIDs(ctx context.Context, w *worker) error {
	err := w.redis.XGroupCreateMkStream(ctx, w.stream, protocol.Group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") { // the group is there
		return err
	}
	for _, t := range w.tasks {
		err := w.redis.XAdd(ctx, &redis.XAddArgs{Stream: w.stream, ID: "*", Values: []any{"path", t.Paths}}).Err()
		if err != nil {
			return err
		}
		w.at(added)
	}
	return nil
}
