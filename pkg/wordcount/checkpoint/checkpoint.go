package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

// ErrFailed reports that a checkpoint failed. The disk may be full.
var ErrFailed = errors.New("checkpoint failed")

// savePoll is the time between two looks at a running BGSAVE. LASTSAVE can't replace them, because
// it counts whole seconds.
const savePoll = 5 * time.Millisecond

// Saver takes checkpoints. Several goroutines may call its methods.
type Saver struct {
	Client protocol.Client
	Every  time.Duration // between two checkpoints of Loop
	Saved  func() error  // called after each checkpoint; may be nil
	Events event.Receiver
	saves  atomic.Int64 // checkpoints taken
}

// Take returns when a snapshot that started after the call is on disk. The error of a
// checkpoint that failed wraps ErrFailed.
func (s *Saver) Take(ctx context.Context) error {
	home, err := s.Client.Server(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
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
				return fmt.Errorf("%w: %w, or choose another durability", ErrFailed, err)
			default:
				// A server that can't fork replies ERR, which has no class.
				return fmt.Errorf("%w: redis can't start to save (%w): look at its log", ErrFailed, err)
			}
		}
		for {
			now, err := readPersistence(ctx, home)
			switch {
			case err != nil:
				return err
			case now.runID != before.runID:
				return fmt.Errorf("%w: redis restarted in the meantime", ErrFailed)
			case now.saving:
				if err := retry.Sleep(ctx, savePoll); err != nil {
					return err
				}
				continue
			case now.status != "ok" || now.saves <= before.saves:
				return fmt.Errorf("%w: redis could not save: look at its log and at its disk", ErrFailed)
			}
			s.Events.Write(event.Checkpoint, slog.Int64("n", s.saves.Add(1)), slog.Duration("took", time.Since(began)))
			if s.Saved != nil {
				if err := s.Saved(); err != nil { // the checkpoint is valid nevertheless
					s.Events.Warn("%v", err)
				}
			}
			return nil
		}
	}
}

// Take returns when a snapshot that started after the call is on the server's disk. The
// server must not be a cluster. The error of a checkpoint that failed wraps ErrFailed.
func Take(ctx context.Context, rdb redis.UniversalClient) error {
	return (&Saver{Client: protocol.Client{Redis: rdb}}).Take(ctx)
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

// Loop takes a checkpoint each time that Every has passed, if there was progress since the last
// one, until ctx ends. It reports a checkpoint that fails, and tries again. The counts are right
// without any checkpoint: checkpoints only keep work.
func (s *Saver) Loop(ctx context.Context, progress func() int64) {
	var saved int64 = -1
	failing := ""
	for retry.Sleep(ctx, s.Every) == nil {
		now := progress()
		if now == saved {
			continue
		}
		err := s.Take(ctx)
		switch {
		case err == nil:
			saved, failing = now, ""
			s.Events.Info("checkpoint %d: %d tasks", s.saves.Load(), now)
		case ctx.Err() == nil && err.Error() != failing:
			failing = err.Error()
			s.Events.Warn("%s: %s; trying again every %s", ErrFailed, strings.TrimPrefix(failing, ErrFailed.Error()+": "), s.Every)
		}
	}
}

// Saves returns the number of checkpoints taken.
func (s *Saver) Saves() int { return int(s.saves.Load()) }
