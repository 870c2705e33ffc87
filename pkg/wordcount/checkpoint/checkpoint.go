package supervisor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
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

// ErrCheckpoint reports that a checkpoint failed. The disk may be full.
var ErrCheckpoint = errors.New("checkpoint failed")

// savePoll is the time between two looks at a running BGSAVE. LASTSAVE can't replace them, because
// it counts whole seconds.
const savePoll = 5 * time.Millisecond

// saver takes checkpoints. Several goroutines may call its methods.
type saver struct {
	home   home
	every  time.Duration // between two checkpoints of loop
	saved  func() error  // called after each checkpoint; may be nil
	events event.Receiver
	saves  atomic.Int64 // checkpoints taken
}

// checkpoint returns when a snapshot that started after the call is on disk. The error of a
// checkpoint that failed wraps ErrCheckpoint.
func (s *saver) checkpoint(ctx context.Context) error {
	home, err := s.home.server(ctx)
	if err != nil {
		return err
	}
	for {
		before, err := readPersistence(ctx, home)
		if err != nil {
			return err
		}
		if before.saving {
			// A save under way began earlier, and may lack what was committed since.
			if err := retry.Sleep(ctx, savePoll); err != nil {
				return err
			}
			continue
		}
		if err := home.BgSave(ctx).Err(); err != nil {
			if strings.Contains(err.Error(), "in progress") {
				continue
			}
			switch err := protocol.Classify(err); {
			case protocol.Transient(err):
				return err
			case errors.Is(err, protocol.ErrRedis):
				return fmt.Errorf("%w: %w, or choose another durability", ErrCheckpoint, err)
			default:
				// A server that can't fork replies ERR, which has no class.
				return fmt.Errorf("%w: redis can't start to save (%w): look at its log", ErrCheckpoint, err)
			}
		}
		for {
			now, err := readPersistence(ctx, home)
			switch {
			case err != nil:
				return err
			case now.runID != before.runID:
				return fmt.Errorf("%w: redis restarted in the meantime", ErrCheckpoint)
			case now.saving:
				if err := retry.Sleep(ctx, savePoll); err != nil {
					return err
				}
				continue
			case now.status != "ok" || now.saves <= before.saves:
				return fmt.Errorf("%w: redis could not save: look at its log and at its disk", ErrCheckpoint)
			}
			s.saves.Add(1)
			if s.saved != nil {
				if err := s.saved(); err != nil { // the checkpoint is valid nevertheless
					s.events.Warn("%v", err)
				}
			}
			return nil
		}
	}
}

// Checkpoint returns when a snapshot that started after the call is on the server's disk. The
// server must not be a cluster. The error of a checkpoint that failed wraps ErrCheckpoint.
func Checkpoint(ctx context.Context, rdb redis.UniversalClient) error {
	return (&saver{home: home{protocol.Client{Redis: rdb}}}).checkpoint(ctx)
}

type persistence struct {
	runID  string
	saving bool
	saves  int
	status string
}

func readPersistence(ctx context.Context, rdb redis.UniversalClient) (p persistence, err error) {
	info, err := rdb.InfoMap(ctx, "server", "persistence").Result()
	if err != nil {
		return p, protocol.Classify(err)
	}
	saves := info["Persistence"]
	return persistence{
		runID:  info["Server"]["run_id"],
		saving: saves["rdb_bgsave_in_progress"] != "0",
		saves:  protocol.Number(saves["rdb_saves"]),
		status: saves["rdb_last_bgsave_status"],
	}, nil
}

// loop takes a checkpoint each time that s.every has passed, if there was progress since the last
// one, until ctx ends. It reports a checkpoint that fails, and tries again. The counts are right
// without any checkpoint: checkpoints only keep work.
func (s *saver) loop(ctx context.Context, progress func() int64) {
	var saved int64 = -1
	failing := ""
	for retry.Sleep(ctx, s.every) == nil {
		now := progress()
		if now == saved {
			continue
		}
		err := s.checkpoint(ctx)
		switch {
		case err == nil:
			saved, failing = now, ""
			s.events.Info("checkpoint %d: %d tasks", s.saves.Load(), now)
		case ctx.Err() == nil && err.Error() != failing:
			failing = err.Error()
			s.events.Warn("%s: %s; trying again every %s", ErrCheckpoint, strings.TrimPrefix(failing, ErrCheckpoint.Error()+": "), s.every)
		}
	}
}

// makeDurable makes everything that was written up to the fence durable, in the given way.
func (s *saver) makeDurable(ctx context.Context, how Durability, run, fence string) error {
	switch how {
	case BGSave:
		return s.checkpoint(ctx)
	case WaitAOF:
		return s.waitAOF(ctx, run, fence)
	}
	return nil
}

// CheckDurability refuses a server that can't do what a durability needs. Without it a job would be
// refused only after all was counted. The error wraps protocol.ErrRedis.
func CheckDurability(ctx context.Context, rdb redis.UniversalClient, how Durability) error {
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
func (s *saver) waitAOF(ctx context.Context, run, fence string) error {
	home, err := s.home.server(ctx)
	if err != nil {
		return err
	}
	var again, acks *redis.Cmd
	_, err = home.Pipelined(ctx, func(p redis.Pipeliner) error {
		again = p.FCall(ctx, protocol.Function("final"), s.home.client.Job.Keys(), run, fence)
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
		return fmt.Errorf("%w: the append-only file was not synced in time", ErrCheckpoint)
	}
	return nil
}
