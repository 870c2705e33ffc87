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

// open opens the store, and looks for the mark of a run there first.
func (a *attached) open(where, job, run string) error {
	store, err := shuffle.Open(a.storing, where)
	if err != nil {
		return err
	}
	outputs, err := store.Run(job, run)
	if err != nil {
		store.Close()
		return fmt.Errorf("%w: %w", protocol.ErrState, err)
	}
	if err := outputs.CheckMark(); err != nil {
		store.Close()
		return err
	}
	a.store, a.outputs = store, outputs
	return nil
}

// close closes what open opened.
func (a *attached) close() {
	if a.store != nil {
		a.store.Close()
		a.store = nil
	}
}
