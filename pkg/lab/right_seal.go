package lab

import (
	"context"

	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// rightSeal seals a job that is done: it fences the result, then begins a save of its own, and waits
// for that one. Only then may the workers leave.
func rightSeal(ctx context.Context, w *worker) error {
	job, err := w.job.ReadPhase(ctx)
	if err != nil {
		return err
	}
	end, err := w.job.Fence(ctx, job.Run, protocol.NewNonce())
	if err != nil {
		return err
	}
	if err := checkpoint.Take(ctx, w.redis); err != nil {
		return err
	}
	return w.job.Dismiss(ctx, end.Fence)
}
