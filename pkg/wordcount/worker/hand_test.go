package worker

import (
	"context"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// hand is a job of which the test makes every call itself, with workers that make their steps when
// the test says so.
type hand struct {
	*wordcounttest.Job
	left chan struct{} // closed when the worker that start started has left
}

func newHand(t *testing.T, reducers int) *hand {
	t.Helper()
	return &hand{Job: wordcounttest.New(t, reducers)}
}

// newWorker makes a worker that may open any file.
func newWorker(tb testing.TB, rdb redis.UniversalClient, spec Spec) *Worker {
	tb.Helper()
	spec.Trust = wordcounttest.AnyFile
	w, err := New(rdb, spec)
	check.Must(tb, err)
	return w
}

// doing is a worker of this run in a phase. It takes others' tasks at once, because it has no
// lease.
func (h *hand) doing(consumer string, phase protocol.Phase) *Worker {
	h.TB.Helper()
	return h.worker(Spec{Consumer: consumer}, phase)
}

// mapping is a worker in the middle of the maps.
func (h *hand) mapping(consumer string) *Worker {
	h.TB.Helper()
	return h.worker(Spec{Consumer: consumer, Lease: DefaultLease}, protocol.Mapping)
}

func (h *hand) worker(spec Spec, phase protocol.Phase) *Worker {
	h.TB.Helper()
	spec.Job, spec.Store = h.Client.Job, h.Dir
	w := newWorker(h.TB, h.Client.Redis, spec)
	w.run, w.claims.Run, w.claims.Phase = h.Run, h.Run, phase
	check.Must(h.TB, w.openStore())
	h.TB.Cleanup(w.close)
	return w
}

// take gives a worker up to n new map tasks, and returns how many of them it didn't hold before.
func (h *hand) take(w *Worker, n int) int {
	h.TB.Helper()
	tasks, err := w.claims.Take(h.TB.Context(), protocol.Maps, n)
	check.Must(h.TB, err)
	w.todo = append(w.todo, tasks...)
	return len(tasks)
}

// holding is a worker that has counted n new tasks and committed none.
func (h *hand) holding(n int) *Worker {
	h.TB.Helper()
	ctx := h.TB.Context()
	w := h.mapping("w")
	for range h.take(w, n) {
		check.Must(h.TB, w.mapSplit(ctx, ctx, w.todo[0]))
	}
	return w
}

// start runs a worker until the test ends.
func (h *hand) start(lease time.Duration) {
	h.TB.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h.left = make(chan struct{})
	w := newWorker(h.TB, h.Client.Redis, Spec{Job: h.Client.Job, Consumer: "worker", Lease: lease, Store: h.Dir})
	go func() {
		defer close(h.left)
		if err := w.Run(ctx); err != nil {
			h.TB.Error(err)
		}
	}()
	h.TB.Cleanup(func() { stop(); <-h.left })
}

// until waits until the job is as wanted, which it never is if the worker leaves.
func (h *hand) until(wanted func(protocol.Status) bool) {
	h.TB.Helper()
	check.Await(h.TB, "the job is as wanted", func() bool {
		st := h.Status()
		select {
		case <-h.left:
			h.TB.Fatalf("the worker left a job in state %+v", st)
		default:
		}
		return wanted(st)
	})
}

// meddling does something as soon as a worker that has opened a file asks whether it may read it.
type meddling struct {
	context.Context
	do func()
}

func (m meddling) Err() error {
	m.do()
	return m.Context.Err()
}
