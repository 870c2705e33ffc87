package wordcount

import (
	"context"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// withoutStore lets the workers of a rig leave as those of a host that can't use the store.
func (r *rig) withoutStore() {
	r.team.Command = func() *exec.Cmd {
		return exec.Command("sh", "-c", `read spec; echo "Error: no mark" >&2; exit "$0"`, strconv.Itoa(worker.ExitStore))
	}
	r.team.Deserted = func(ctx context.Context) error { return r.sup.Deserted(ctx, r.lease) }
}

func TestFault73AHostWithoutTheStoreSealsWhatAnotherHostCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(20, 50))
	r.lease = time.Minute // the other host comes long before
	r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
	elsewhere := r.team.Worker
	r.withoutStore()
	r.whenSeen(
		func(protocol.Status) bool { return r.said("have left") == 1 },
		func(protocol.Status) {
			elsewhere.Trust, elsewhere.Store, elsewhere.Consumer = r.sup.Trust(), r.store, worker.NewName()
			ctx, stop := context.WithCancel(context.Background())
			w, ended := newWorkerOf(t, r.probe, elsewhere), make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			t.Cleanup(func() {
				stop()
				check.Must(t, <-ended)
			})
		})
	r.finishExactly()
}

func TestFault73AHostWithoutTheStoreEndsTheRunIfNobodyElseWorks(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(5, 10))
	r.lease = 100 * time.Millisecond
	r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
	r.withoutStore()
	r.finishFailing(protocol.ErrIncomplete, "no mark")
	if r.said("have left") != 1 {
		t.Error("nobody was told before")
	}
}
