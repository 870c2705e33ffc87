package wordcount

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// exactThroughFailover runs a job on a server that is reached by an address, and loses its master
// in the middle, after the replica was cut off and more was committed.
func exactThroughFailover(t *testing.T, base *redistest.Server, url string, master func(protocol.Job) *redistest.Node) {
	t.Helper()
	r := newRigOn(t, base, check.Texts(40, 30))
	endpoint := redisd.Endpoint{URL: url}
	rdb, err := endpoint.Client("test")
	check.Must(t, err)
	t.Cleanup(func() { rdb.Close() })
	check.Await(t, "the address leads to a server", func() bool { return rdb.Ping(t.Context()).Err() == nil })
	r.rdb, r.faults = rdb, "slow=300ms:2"
	// Slow enough for several commits: one that the replica gets, one that it doesn't.
	o := plan.Options{WholeFiles: true, Reducers: 3}
	r.prepare(o)
	r.supervised(func(c *supervisor.Config) { c.Durability = checkpoint.None })
	r.reviveBy = func(ctx context.Context) error {
		if err := redisd.Ready(ctx, rdb); err != nil {
			return err
		}
		_, err := protocol.Library.Load(ctx, rdb)
		return err
	}
	r.team.Worker.Server, err = json.Marshal(endpoint)
	check.Must(t, err)
	var (
		old   *redistest.Node
		cut   bool
		kept  int
		ended bool
	)
	r.seen = func(st protocol.Status) {
		switch {
		case !cut && st.Mapped > 0:
			old = master(r.plan.Job)
			old.CutOff(t)
			cut, kept = true, st.Mapped
		case cut && !ended && st.Mapped > kept:
			ended = true
			p, err := os.FindProcess(old.PID)
			check.Must(t, err)
			check.Must(t, p.Kill())
		}
	}
	sealed, err := r.runPrepared(t.Context())
	check.Must(t, err)
	r.check(sealed)
	// The master had what its replica lacked when it was killed: that much was lost, seen by the
	// supervisor or not.
	if !ended || r.sup.Restarts() == 0 {
		t.Errorf("master killed with more than its replica had: %v, %d restarts seen", ended, r.sup.Restarts())
	}
}

func TestFault33SentinelPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	base := redistest.Start(t)
	sentinel := base.StartSentinel(t)
	exactThroughFailover(t, base, sentinel.URL("", ""), func(protocol.Job) *redistest.Node { return sentinel.Master })
}

func TestFault33AClusterPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	base := redistest.Start(t)
	cluster := base.StartCluster(t)
	exactThroughFailover(t, base, cluster.URL("", ""), func(j protocol.Job) *redistest.Node { return cluster.Master(t, j.Key("meta")) })
}
