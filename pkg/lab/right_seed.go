package lab

import (
	"context"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// rightSeed seeds with explicit IDs: text 3 is the entry 3-0. The function adds what comes behind
// the last entry, and nothing else. So a seed may be repeated.
func rightSeed(ctx context.Context, w *worker) error {
	run := protocol.NewNonce()
	for n := range w.tasks {
		if _, err := w.job.Seed(ctx, run, "none", len(w.tasks), n+1, w.tasks[n:n+1]); err != nil {
			return err
		}
		w.at(added)
	}
	return nil
}
