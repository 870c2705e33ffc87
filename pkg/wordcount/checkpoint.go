package wordcount

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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

// errSave: a checkpoint failed; the disk may be full.
var errSave = errors.New("checkpoint failed")

// savePoll is how often a running BGSAVE is looked at. LASTSAVE would tell only to the second.
const savePoll = 5 * time.Millisecond

// Checkpoint returns when a snapshot is on disk that started after the call.
func (s *Supervisor) Checkpoint(ctx context.Context) error {
	home, err := s.home(ctx)
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
			if err := sleep(ctx, savePoll); err != nil {
				return err
			}
			continue
		}
		if err := home.BgSave(ctx).Err(); err != nil {
			if strings.Contains(err.Error(), "in progress") {
				continue
			}
			switch err := classify(err); {
			case passing(err):
				return err
			case errors.Is(err, ErrRedis):
				return fmt.Errorf("%w: %w, or choose another durability", errSave, err)
			default:
				return fmt.Errorf("%w: redis can't begin to save (%w): look at its log", errSave, err) // where it can't fork: "ERR"
			}
		}
		for {
			now, err := readPersistence(ctx, home)
			switch {
			case err != nil:
				return err
			case now.runID != before.runID:
				return fmt.Errorf("%w: redis was restarted meanwhile", errSave)
			case now.saving:
				if err := sleep(ctx, savePoll); err != nil {
					return err
				}
				continue
			case now.status != "ok" || now.saves <= before.saves:
				return fmt.Errorf("%w: redis could not save: look at its log and at its disk", errSave)
			}
			s.saves.Add(1)
			if s.Saved != nil {
				if err := s.Saved(); err != nil { // the checkpoint stands nevertheless
					s.Say("! %v", err)
				}
			}
			return nil
		}
	}
}

type persistence struct {
	runID  string
	saving bool
	saves  int
	status string
}

func readPersistence(ctx context.Context, rdb redis.UniversalClient) (p persistence, err error) {
	info, err := rdb.Info(ctx, "server", "persistence").Result()
	if err != nil {
		return p, classify(err)
	}
	return persistence{
		runID:  infoField(info, "run_id"),
		saving: infoField(info, "rdb_bgsave_in_progress") != "0",
		saves:  number(infoField(info, "rdb_saves")),
		status: infoField(info, "rdb_last_bgsave_status"),
	}, nil
}

// Checkpoints takes one every so often, if something happened since, until ctx ends. What fails is said and tried
// again: no checkpoint is ever needed for the counts to be right, only to keep work.
func (s *Supervisor) Checkpoints(ctx context.Context) {
	if s.Durability != BGSave {
		return
	}
	var saved int64 = -1
	failing := ""
	for sleep(ctx, s.Every) == nil {
		now := s.progress.Load()
		if now == saved {
			continue
		}
		err := s.Checkpoint(ctx)
		switch {
		case err == nil:
			saved, failing = now, ""
			s.Say("checkpoint %d: %d tasks", s.Saves(), now)
		case ctx.Err() == nil && err.Error() != failing:
			failing = err.Error()
			s.Say("! %s: %s; trying again every %s", errSave, strings.TrimPrefix(failing, errSave.Error()+": "), s.Every)
		}
	}
}

// settle makes what was written up to the fence last, as the durability says.
func (s *Supervisor) settle(ctx context.Context, fence string) error {
	switch s.Durability {
	case BGSave:
		return s.Checkpoint(ctx)
	case WaitAOF:
		return s.waitAOF(ctx, fence)
	}
	return nil
}

// waitAOF waits until the append-only file is on disk. WAITAOF speaks of what its own connection wrote, so the fence is
// set once more right before it, on the same one; all that was written earlier comes earlier in the file.
func (s *Supervisor) waitAOF(ctx context.Context, fence string) error {
	home, err := s.home(ctx)
	if err != nil {
		return err
	}
	var again, acks *redis.Cmd
	_, err = home.Pipelined(ctx, func(p redis.Pipeliner) error {
		again = p.FCall(ctx, function("final"), s.job.fixed(), s.run(), fence)
		acks = p.Do(ctx, "WAITAOF", 1, 0, Patience.Milliseconds())
		return nil
	})
	var reply redis.Error
	switch synced, ackErr := acks.Int64Slice(); {
	case again.Err() != nil:
		return classify(again.Err())
	case errors.As(ackErr, &reply):
		return fmt.Errorf("%w: WAITAOF: %w: choose another durability", ErrRedis, ackErr)
	case err != nil:
		return err
	case len(synced) == 0 || synced[0] < 1:
		return fmt.Errorf("%w: the append-only file was not synced in time", errSave)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
