package wordcount

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// node is a server of a replicated setting.
type node struct {
	port, bus string
	pid       int
	*redis.Client
}

// startNode starts a server that knows a user for replication, so that replicas can be cut off without touching the
// other clients.
func startNode(t *testing.T, base *redistest.Server, args ...string) *node {
	t.Helper()
	port, err := redisd.FreePort()
	must(t, err)
	bus, err := redisd.FreePort() // by default it is 10000 above the port, and may be taken
	must(t, err)
	n := &node{port: strconv.Itoa(port), bus: strconv.Itoa(bus)}
	cmd := base.Command(t, append([]string{
		"--port", n.port, "--cluster-port", n.bus, "--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0",
		"--user", "replica", "on", ">secret", "+psync", "+replconf", "+ping",
		"--masteruser", "replica", "--masterauth", "secret",
	}, args...)...)
	must(t, cmd.Start())
	n.pid = cmd.Process.Pid
	n.Client = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + n.port, MaxRetries: -1})
	t.Cleanup(func() { n.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, redisd.Ready(ctx, n.Client))
	return n
}

// until polls until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// follow waits until a replica has caught up with its master.
func (n *node) follow(t *testing.T) {
	t.Helper()
	until(t, "the replica is in sync", func() bool {
		return strings.Contains(n.Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
}

// cutOff leaves the replicas of a master where they are now: what is written from now on is lost with the master.
func (n *node) cutOff(t *testing.T) {
	t.Helper()
	must(t, n.Do(t.Context(), "ACL", "SETUSER", "replica", "off").Err())
	must(t, n.ClientKillByFilter(t.Context(), "TYPE", "replica").Err())
}

// exactThroughFailover runs a job on a server that is reached by an address, and loses its master in the middle, after
// the replica was cut off and more was committed.
func exactThroughFailover(t *testing.T, base *redistest.Server, url string, master func(Job) *node) {
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
		old   *node
		cut   bool
		kept  int
		ended bool
	)
	r.sup.Seen = func(st Status) {
		switch {
		case !cut && st.Mapped > 0:
			old = master(r.plan.Job)
			old.cutOff(t)
			cut, kept = true, st.Mapped
		case cut && !ended && st.Mapped > kept:
			ended = true
			p, err := os.FindProcess(old.pid)
			must(t, err)
			must(t, p.Kill())
		}
	}
	sealed, err := r.runPrepared(t.Context())
	must(t, err)
	r.check(sealed)
	if !ended || r.sup.Restarts() == 0 || sealed.Redone == 0 {
		t.Errorf("master killed: %v, %d restarts seen, %d tasks redone: nothing was lost", ended, r.sup.Restarts(), sealed.Redone)
	}
}

func TestFault33SentinelPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	base := redistest.Start(t)
	master := startNode(t, base)
	replica := startNode(t, base, "--replicaof", "127.0.0.1", master.port)
	replica.follow(t)

	port, err := redisd.FreePort()
	must(t, err)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, `port %d
bind 127.0.0.1
sentinel monitor ours 127.0.0.1 %s 1
sentinel down-after-milliseconds ours 2000
sentinel failover-timeout ours 5000
`, port, master.port), 0o600))
	must(t, base.Command(t, conf, "--sentinel").Start())
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port)})
	t.Cleanup(func() { sentinel.Close() })
	until(t, "the Sentinel knows the replica", func() bool {
		replicas, err := sentinel.Replicas(t.Context(), "ours").Result()
		return err == nil && len(replicas) == 1 && replicas[0]["flags"] == "slave"
	})
	exactThroughFailover(t, base, fmt.Sprintf("redis://127.0.0.1:%d?master_name=ours", port), func(Job) *node { return master })
}

func TestFault33AClusterPromotesALaggingReplica(t *testing.T) {
	t.Parallel()
	base := redistest.Start(t)
	const masters = 3
	var nodes []*node
	for range 2 * masters {
		nodes = append(nodes, startNode(t, base, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-replica-validity-factor", "0"))
	}
	ctx := t.Context()
	const slots = 16384
	for i, n := range nodes {
		must(t, nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", n.port, n.bus).Err())
		if i < masters {
			must(t, n.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err())
		}
	}
	until(t, "all nodes have met", func() bool {
		for _, n := range nodes {
			if strings.Count(n.ClusterNodes(ctx).Val(), "connected") < len(nodes) || strings.Contains(n.ClusterNodes(ctx).Val(), "handshake") {
				return false
			}
		}
		return true
	})
	for i, n := range nodes[masters:] {
		must(t, n.ClusterReplicate(ctx, nodes[i].ClusterMyID(ctx).Val()).Err())
	}
	for _, n := range nodes[masters:] {
		n.follow(t)
	}
	until(t, "the cluster is up", func() bool {
		for _, n := range nodes {
			if !strings.Contains(n.ClusterInfo(ctx).Val(), "cluster_state:ok") {
				return false
			}
		}
		return true
	})
	url := fmt.Sprintf("redis://127.0.0.1:%s?addr=127.0.0.1:%s", nodes[0].port, nodes[1].port)
	exactThroughFailover(t, base, url, func(j Job) *node {
		slot := int(nodes[0].ClusterKeySlot(ctx, j.Key("meta")).Val())
		return nodes[slot*masters/slots]
	})
}
