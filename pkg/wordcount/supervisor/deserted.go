package supervisor

import (
	"context"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/redis/go-redis/v9"
)

// desertedEvery is the time between two looks for workers.
const desertedEvery = 100 * time.Millisecond

// Deserted returns once no worker of any host has renewed its lease or completed a task for a whole
// lease of the workers.
func (s *Supervisor) Deserted(ctx context.Context, lease time.Duration) error {
	worked, progress := time.Now(), s.Progress()
	for time.Since(worked) <= lease {
		held, err := s.held(ctx, lease)
		// If the server can't be reached, the watch brings it back.
		if err != nil && !protocol.Transient(err) {
			return err
		}
		if now := s.Progress(); held || err != nil || now != progress {
			worked, progress = time.Now(), now
		}
		if err := retry.Sleep(ctx, desertedEvery); err != nil {
			return err
		}
	}
	return nil
}

// held reports whether a worker holds a task whose lease hasn't run out.
func (s *Supervisor) held(ctx context.Context, lease time.Duration) (bool, error) {
	const page = 1000
	for _, stream := range []protocol.Stream{protocol.Maps, protocol.Reduces} {
		for start := "-"; ; {
			tasks, err := s.client.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
				Stream: s.client.Job.StreamKey(stream), Group: protocol.Group, Start: start, End: "+", Count: page,
			}).Result()
			if err != nil {
				return false, protocol.Classify(err)
			}
			for _, t := range tasks {
				if t.Idle < lease {
					return true, nil
				}
				start = "(" + t.ID
			}
			if len(tasks) < page {
				break
			}
		}
	}
	return false, nil
}
