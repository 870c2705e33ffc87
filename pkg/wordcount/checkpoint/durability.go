package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

// Durability is what sealing requires of Redis before a result counts as durable.
type Durability string

// The choices. The default is BGSave on a server of the folder's own. It is None on a given server,
// because the owner of that server decides how it saves.
const (
	BGSave  Durability = "bgsave"  // a snapshot that started after the last commit
	WaitAOF Durability = "waitaof" // the result is in the append-only file on disk (Redis 7.2)
	None    Durability = "none"    // nothing: the promise covers rollbacks only until the seal
)

// MakeDurable makes everything that was written up to the fence durable, in the given way.
func (s *Saver) MakeDurable(ctx context.Context, how Durability, run, fence string) error {
	switch how {
	case BGSave:
		return s.Take(ctx)
	case WaitAOF:
		return s.waitAOF(ctx, run, fence)
	}
	return nil
}

// Check refuses a server that can't do what a durability needs. Without it a job would be
// refused only after all was counted. The error wraps protocol.ErrRedis.
func Check(ctx context.Context, rdb redis.UniversalClient, how Durability) error {
	if how != WaitAOF {
		return nil
	}
	check := func(ctx context.Context, master redis.UniversalClient) error {
		// A millisecond may be too short, and that is no error. But a server that doesn't know the
		// command, or has no append-only file, says so at once.
		err := master.Do(ctx, "WAITAOF", 1, 0, 1).Err()
		var reply redis.Error
		if errors.As(err, &reply) && !protocol.Transient(err) {
			return noWaitAOF(err)
		}
		return err
	}
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return check(ctx, master) })
	}
	return check(ctx, rdb)
}

func noWaitAOF(err error) error {
	return fmt.Errorf("%w: WAITAOF: %w: choose another durability", protocol.ErrRedis, err)
}

// waitAOF waits until the append-only file is on disk. WAITAOF covers only what its own connection
// wrote. So waitAOF sets the fence again on the same connection, right before WAITAOF. Everything
// that was written earlier comes earlier in the file.
func (s *Saver) waitAOF(ctx context.Context, run, fence string) error {
	home, err := s.Client.Server(ctx)
	if err != nil {
		return err
	}
	var again, acks *redis.Cmd
	_, err = home.Pipelined(ctx, func(p redis.Pipeliner) error {
		again = p.FCall(ctx, protocol.Function("final"), s.Client.Job.Keys(), run, fence)
		acks = p.Do(ctx, "WAITAOF", 1, 0, retry.Patience.Milliseconds())
		return nil
	})
	var reply redis.Error
	switch synced, ackErr := acks.Int64Slice(); {
	case again.Err() != nil:
		return protocol.Classify(again.Err())
	case errors.As(ackErr, &reply):
		return noWaitAOF(ackErr)
	case err != nil:
		return err
	case len(synced) == 0 || synced[0] < 1:
		return fmt.Errorf("%w: the append-only file was not synced in time", ErrFailed)
	}
	return nil
}
