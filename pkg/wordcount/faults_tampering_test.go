package wordcount

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// ends lets a supervisor and a worker of its own finish the job, and returns what it ended with:
// nothing, and then the counts are exact, or the error of a job that contradicts itself, and then
// nothing was published.
func (h *byHand) ends() error {
	h.tb.Helper()
	patient, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx, fail := context.WithCancelCause(patient)
	left := make(chan struct{})
	go func() {
		defer close(left)
		w := newWorkerOf(h.tb, h.rdb, worker.Spec{Job: h.Client.Job, Consumer: protocol.NewNonce(), Lease: 100 * time.Millisecond, Store: h.store})
		if err := w.Run(ctx); err != nil {
			fail(err)
		}
	}()
	sealed, err := h.sup.Seal(ctx)
	fail(nil)
	<-left
	if err == nil {
		h.check(sealed)
		return nil
	}
	h.refused(err, protocol.ErrState)
	return err
}

// endsAnew cleans the job and counts it anew, as the errors advise.
func (h *byHand) endsAnew() {
	h.tb.Helper()
	_, err := h.Client.Clean(h.tb.Context(), "")
	check.Must(h.tb, err)
	check.Must(h.tb, h.folder.Forget(h.Client.Job.ID))
	check.Must(h.tb, h.folder.Save(h.plan))
	h.supervised(h.change)
	check.Must(h.tb, h.sup.Seed(h.tb.Context()))
	if err := h.ends(); err != nil {
		h.tb.Errorf("counted anew: %v", err)
	}
}

func TestFault71WhoeverTampersWithAJobIsNoticed(t *testing.T) {
	t.Parallel()
	// What the job has come to when somebody tampers with it.
	moments := map[string]func(*byHand){
		"just seeded": func(*byHand) {},
		"half mapped": func(h *byHand) { h.Take("map", "dead", 2); h.MustCommit(1) },
		"mapped":      func(h *byHand) { h.Take("map", "dead", wordcounttest.Tasks); h.MustCommit(1, 2, 3) },
		"half reduced": func(h *byHand) {
			h.Take("map", "dead", wordcounttest.Tasks)
			h.MustCommit(1, 2, 3)
			h.Take("reduce", "dead", 2)
			h.Store(0)
		},
		"done": func(h *byHand) { h.Finish() },
	}
	tamperings := map[string]func(*byHand) error{}
	for field, values := range map[string][]any{
		"phase": {"map", "reduce", "done"}, "mapped": {-1, 1}, "reduced": {-1, 1}, "stored": {1}, "tokens": {1}, "bytes": {1}, "maps": {-1, 1},
		"counting": {`{"field":"line","words":"value","strict":false}`},
	} {
		for _, value := range values {
			tamperings[fmt.Sprint("meta ", field, " ", value)] = func(h *byHand) error {
				key := h.Client.Job.Key("meta")
				if by, ok := value.(int); ok {
					return h.probe.HIncrBy(h.tb.Context(), key, field, int64(by)).Err()
				}
				return h.probe.HSet(h.tb.Context(), key, field, value).Err()
			}
		}
	}
	for _, stream := range []string{"map", "reduce"} {
		for what, command := range map[string][]any{
			"xack": {"xack", "", "workers", "2-0"}, "xdel": {"xdel", "", "2-0"}, "xtrim": {"xtrim", "", "maxlen", 0},
			"destroy": {"xgroup", "destroy", "", "workers"}, "delconsumer": {"xgroup", "delconsumer", "", "workers", "dead"},
			"setid to the end": {"xgroup", "setid", "", "workers", "$"}, "setid back": {"xgroup", "setid", "", "workers", "0"},
		} {
			tamperings[stream+" "+what] = func(h *byHand) error {
				args := slices.Clone(command)
				args[slices.Index(args, any(""))] = h.Client.Job.Key(stream)
				return h.probe.Do(h.tb.Context(), args...).Err()
			}
		}
	}
	server := redistest.Start(t)
	for what, tamper := range tamperings {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			noticed := 0
			for moment, reach := range moments {
				for _, reducers := range []int{2, 0} {
					if reducers == 0 && (moment == "mapped" || moment == "half reduced") {
						continue
					}
					h := newByHandOn(t, server, reducers, withoutCheckpoints)
					reach(h)
					check.Must(t, tamper(h))
					err := h.ends()
					t.Logf("%s, %d reducers: %v", moment, reducers, err)
					if err != nil {
						noticed++
						h.endsAnew()
					}
				}
			}
			// Totals are absolute, so it may do no harm at all to store partitions once more.
			if noticed == 0 && what != "reduce setid back" {
				t.Error("nobody noticed anything at any moment")
			}
		})
	}
}
