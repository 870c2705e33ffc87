package wordcount

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// until polls until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// exactThroughFailover runs a job on a server that is reached by an address, and loses its master in the middle, after
// the replica was cut off and more was committed.
func exactThroughFailover(t *testing.T, base *redistest.Server, url string, master func(Job) *redistest.Node) {
	t.Helper()
	r := newRigOn(t, base, texts(40, 30))
	endpoint := redisd.Endpoint{URL: url}
	rdb, err := endpoint.Client("test")
	must(t, err)
	t.Cleanup(func() { rdb.Close() })
	until(t, "the address leads to a server", func() bool { return rdb.Ping(t.Context()).Err() == nil })
	r.rdb, r.faults = rdb, "slow=300ms:2"
	// Slow enough for several commits: one that the replica gets, one that it doesn't.
	o := Options{Split: WholeFiles, Reducers: 3}
	r.prepare(o)
	r.sup.Durability = None
	r.sup.Revive = func(ctx context.Context) error {
		if err := redisd.Ready(ctx, rdb); err != nil {
			return err
		}
		_, err := Library.Load(ctx, rdb)
		return err
	}
	r.team.Redis, err = json.Marshal(endpoint)
	must(t, err)
	var (
		old   *redistest.Node
		cut   bool
		kept  int
		ended bool
	)
	r.sup.Seen = func(st Status) {
		switch {
		case !cut && st.Mapped > 0:
			old = master(r.plan.Job)
			old.CutOff(t)
			cut, kept = true, st.Mapped
		case cut && !ended && st.Mapped > kept:
			ended = true
			p, err := os.FindProcess(old.PID)
			must(t, err)
			must(t, p.Kill())
		}
	}
	sealed, err := r.runPrepared(t.Context())
	must(t, err)
	r.check(sealed)
	// The master had what its replica lacked when it was killed: that much was lost, seen by the supervisor or not.
	if !ended || r.sup.Restarts() == 0 {
		t.Errorf("master killed with more than its replica had: %v, %d restarts seen", ended, r.sup.Restarts())
	}
}

func TestFault33SentinelPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	base := redistest.Start(t)
	sentinel := base.StartSentinel(t)
	exactThroughFailover(t, base, sentinel.URL("", ""), func(Job) *redistest.Node { return sentinel.Master })
}

func TestFault33AClusterPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	base := redistest.Start(t)
	cluster := base.StartCluster(t)
	exactThroughFailover(t, base, cluster.URL("", ""), func(j Job) *redistest.Node { return cluster.Master(t, j.Key("meta")) })
}
