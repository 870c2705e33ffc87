package lab

import (
	"context"
	"errors"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// wrongSave seals a job that is done. It is content with a save that is under way, or has just
// ended. But a save has only what was there when it began.
func wrongSave(ctx context.Context, w *worker) error {
	job, err := w.job.ReadPhase(ctx)
	if err != nil {
		return err
	}
	end, err := w.job.Fence(ctx, job.Run, protocol.NewNonce())
	if err != nil {
		return err
	}
	for saving := true; saving; {
		info, err := w.redis.InfoMap(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		saving = info["Persistence"]["rdb_bgsave_in_progress"] != "0"
		if !saving && info["Persistence"]["rdb_last_bgsave_status"] != "ok" {
			return errors.New("the save has failed")
		}
	}
	return w.job.Dismiss(ctx, end.Fence)
}
