package bench

import (
	"context"
	"errors"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// killWorkers kills a worker that holds a task now and then, as long as ctx lives, and returns how often it did.
func (j *job) killWorkers(ctx context.Context) (kills int, err error) {
	attack := chaos.Attack{
		Redis: j.rdb, Folder: wordcount.Folder{Dir: j.state()}, Durability: wordcount.BGSave, Hasty: true,
		Say: func(string, ...any) {},
	}
	for next := time.NewTicker(j.kill); ; {
		select {
		case <-ctx.Done():
			return kills, nil
		case <-next.C:
		}
		if attack.Plan, err = attack.Folder.Last(); err != nil {
			continue // not seeded yet
		}
		if _, err := attack.KillWorker(ctx); err != nil {
			if ctx.Err() != nil || errors.Is(err, wordcount.ErrIncomplete) {
				return kills, nil // the job was over
			}
			return kills, err
		}
		kills++
	}
}
