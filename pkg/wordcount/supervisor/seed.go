package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

const (
	seedChunk = 1000 // tasks in one call; a call takes the server a few milliseconds
	wipeMax   = 3    // how often a run that the folder doesn't know is wiped before seeding fails
)

// seeder puts a job's tasks into the stream, again whenever a rollback has taken some away.
//
// Immutable: client to place. seeding guards life and trust, and allows one seeding at a time.
type seeder struct {
	client protocol.Client
	folder state.Folder
	splits []plan.Split
	revive func(context.Context) error
	events event.Receiver
	place  *place.Keeper

	seeding sync.Mutex
	life    string       // of the server, when the job was last seeded; "": it wasn't yet
	trust   plan.Trust   // which files the workers of this folder may open
	owner   atomic.Value // string: the run that the job belongs to, once it is seeded
}

// run returns the run that the job belongs to; "" before it is seeded.
func (s *seeder) run() string {
	run, _ := s.owner.Load().(string)
	return run
}

func (s *seeder) workersTrust() plan.Trust {
	s.seeding.Lock()
	defer s.seeding.Unlock()
	return s.trust
}

func (s *seeder) seed(ctx context.Context) error {
	s.seeding.Lock()
	defer s.seeding.Unlock()
	trust, err := s.folder.Trust(s.client.Job.ID, s.splits)
	if err != nil {
		return err
	}
	s.trust = trust
	return retry.Do(ctx, s.revive, func() error { return s.seedAll(ctx) })
}

func (s *seeder) seedAll(ctx context.Context) error {
	id := s.client.Job.ID
	mine, known, err := s.folder.Run(id)
	if err != nil {
		return err
	}
	life, err := home{s.client}.life(ctx)
	if err != nil {
		return err
	}
	if err := s.place.Prepare(ctx, mine); err != nil {
		return err
	}
	maps := len(s.splits)
	for top, wipes := -1, 0; top < maps; {
		// The first call carries no tasks. It creates the job, or tells how many tasks an earlier
		// seeding has put there.
		var chunk []protocol.Entry
		if top >= 0 {
			chunk = plan.Entries(s.splits[top:min(top+seedChunk, maps)])
		}
		now, err := s.client.Seed(ctx, mine, s.place.Dir(), maps, max(top, 0)+1, chunk)
		if err != nil {
			return err
		}
		if now.Run != mine && known {
			// This may be an old dump that was restored after a clean. The files may have changed
			// since, with equal sizes and times. But a server that has run since this folder seeded
			// the job has restored nothing. Then another folder has begun the job anew, and two
			// folders that wipe each other's runs would never end.
			if wipes++; wipes > wipeMax || life == s.life && now.Run != s.run() {
				return fmt.Errorf("%w: another folder has begun job %s anew on this server: let that run end, then run again",
					protocol.ErrState, id)
			}
			s.events.Write(event.Wiped, slog.String("why", "it belonged to a run that this folder does not know"))
			s.events.Info("job %s belongs to a run that this folder does not know: wiped and seeded again", id)
			if _, err := s.client.Clean(ctx, now.Run); err != nil && !errors.Is(err, protocol.ErrOtherRun) {
				return err
			}
			top = -1
			continue
		}
		if now.Run != mine {
			if err := s.place.Adopt(ctx, now.Run, now.Store, now.Phase); err != nil {
				return err
			}
		}
		mine, top = now.Run, now.Top
	}
	s.place.Sweep(ctx, mine)
	s.owner.Store(mine)
	s.life = life
	if known {
		return nil
	}
	return s.folder.SetRun(id, mine)
}
