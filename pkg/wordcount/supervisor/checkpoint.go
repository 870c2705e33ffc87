package supervisor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

// Durability is what sealing asks of Redis before it believes that a result lasts.
type Durability string

// The choices. On a server of ours it is a checkpoint; a given server saves as its owner wants, unless told otherwise.
const (
	BGSave  Durability = "bgsave"  // a snapshot that started after the last commit
	WaitAOF Durability = "waitaof" // the append-only file of the server has it (Redis 7.2)
	None    Durability = "none"    // nothing: the promise then speaks of rollbacks up to the seal only
)

// ErrCheckpoint reports that a checkpoint failed. The disk may be full.
var ErrCheckpoint = errors.New("checkpoint failed")

// savePoll is how often a running BGSAVE is looked at. LASTSAVE would tell only to the second.
const savePoll = 5 * time.Millisecond

// saver takes checkpoints. Its methods may be called from several goroutines.
type saver struct {
	home   home
	every  time.Duration
	saved  func() error // after each checkpoint; may be nil
	events Events
	saves  atomic.Int64 // checkpoints taken
}

// checkpoint returns when a snapshot is on disk that started after the call.
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
				return fmt.Errorf("%w: redis can't begin to save (%w): look at its log", ErrCheckpoint, err) // where it can't fork: "ERR"
			}
		}
		for {
			now, err := readPersistence(ctx, home)
			switch {
			case err != nil:
				return err
			case now.runID != before.runID:
				return fmt.Errorf("%w: redis was restarted meanwhile", ErrCheckpoint)
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
				if err := s.saved(); err != nil { // the checkpoint stands nevertheless
					s.events.warn("%v", err)
				}
			}
			return nil
		}
	}
}

// Checkpoint returns when a snapshot of a server that isn't a cluster is on its disk, which started after the call.
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

// loop takes a checkpoint every so often, if there was progress since the last one, until ctx ends. One that fails is told of
// and tried again: no checkpoint is ever needed for the counts to be right, only to keep work.
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
			s.events.info("checkpoint %d: %d tasks", s.saves.Load(), now)
		case ctx.Err() == nil && err.Error() != failing:
			failing = err.Error()
			s.events.warn("%s: %s; trying again every %s", ErrCheckpoint, strings.TrimPrefix(failing, ErrCheckpoint.Error()+": "), s.every)
		}
	}
}

// makeDurable makes what was written up to the fence last, as the durability says.
func (s *saver) makeDurable(ctx context.Context, how Durability, run, fence string) error {
	switch how {
	case BGSave:
		return s.checkpoint(ctx)
	case WaitAOF:
		return s.waitAOF(ctx, run, fence)
	}
	return nil
}

// waitAOF waits until the append-only file is on disk. WAITAOF speaks of what its own connection wrote, so the fence is
// set once more right before it, on the same one; all that was written earlier comes earlier in the file.
func (s *saver) waitAOF(ctx context.Context, run, fence string) error {
	home, err := s.home.server(ctx)
	if err != nil {
		return err
	}
	var again, acks *redis.Cmd
	_, err = home.Pipelined(ctx, func(p redis.Pipeliner) error {
		again = p.FCall(ctx, protocol.Function("final"), s.home.client.Job.FixedKeys(), run, fence)
		acks = p.Do(ctx, "WAITAOF", 1, 0, retry.Patience.Milliseconds())
		return nil
	})
	var reply redis.Error
	switch synced, ackErr := acks.Int64Slice(); {
	case again.Err() != nil:
		return protocol.Classify(again.Err())
	case errors.As(ackErr, &reply):
		return fmt.Errorf("%w: WAITAOF: %w: choose another durability", protocol.ErrRedis, ackErr)
	case err != nil:
		return err
	case len(synced) == 0 || synced[0] < 1:
		return fmt.Errorf("%w: the append-only file was not synced in time", ErrCheckpoint)
	}
	return nil
}
