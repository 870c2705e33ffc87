package worker

import (
	"context"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

// attached is the store of the map outputs, as far as a worker uses it.
type attached struct {
	storing context.Context // of requests to the store
	store   *shuffle.Store  // nil: not open
	outputs shuffle.Run     // the map outputs of the run, if the store is open
	absence retry.Backoff   // between tries while the store can't be used
}

// openStore opens the store of the map outputs, before the first task. A worker that finds no task
// doesn't need it, and when a job is done, it may be gone.
func (w *Worker) openStore() (err error) {
	if w.spec.Job.Reducers == 0 || w.store != nil {
		return nil
	}
	store, err := shuffle.Open(w.storing, w.spec.Store)
	if err != nil {
		return err
	}
	if w.outputs, err = store.Run(w.spec.Job.ID, w.run); err != nil {
		store.Close()
		return fmt.Errorf("%w: %w", protocol.ErrState, err)
	}
	if err := w.outputs.CheckMark(); err != nil {
		store.Close()
		return err
	}
	w.store, w.combiner.run = store, w.outputs
	return nil
}

// closeStore closes what openStore opened.
func (w *Worker) closeStore() {
	w.merger.Forget()
	if w.store != nil {
		w.store.Close()
		w.store = nil
	}
}

// storeWorks is called when the store could be used.
func (w *Worker) storeWorks() {
	w.absence.Reset()
	w.shared.waits.Store("")
}
