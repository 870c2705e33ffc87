package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// Node is a server of a replicated setting, with a client of its default user.
type Node struct {
	*redis.Client
	Port string // on 127.0.0.1
	PID  int

	bus string // the port on which the nodes of a cluster talk
}

// StartNode starts a server with a user for replication, so that a test can cut off the replicas
// without touching the other clients.
func (s *Server) StartNode(tb testing.TB, args ...string) *Node {
	tb.Helper()
	// By default the bus is 10000 above the port, and may be taken.
	n := &Node{Port: freePort(tb), bus: freePort(tb)}
	cmd := s.Command(tb, append([]string{
		"--port", n.Port, "--cluster-port", n.bus, "--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0",
		"--user", "replica", "on", ">secret", "+psync", "+replconf", "+ping",
		"--masteruser", "replica", "--masterauth", "secret",
	}, args...)...)
	must(tb, cmd.Start())
	n.PID = cmd.Process.Pid
	n.Client = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + n.Port, MaxRetries: -1})
	tb.Cleanup(func() { n.Close() })
	s.must(tb, func(ctx context.Context) error { return redisd.Ready(ctx, n.Client) })
	return n
}

// CutOff stops the replication of a master: what is written from now on is lost with the master.
func (n *Node) CutOff(tb testing.TB) {
	tb.Helper()
	must(tb, n.Do(tb.Context(), "ACL", "SETUSER", "replica", "off").Err())
	must(tb, n.ClientKillByFilter(tb.Context(), "TYPE", "replica").Err())
}

// follow waits until a replica has caught up with its master.
func (n *Node) follow(tb testing.TB) {
	tb.Helper()
	until(tb, "the replica is in sync", func() bool {
		return strings.Contains(n.Info(tb.Context(), "replication").Val(), "master_link_status:up")
	})
}

// Sentinel is a Sentinel with the master and the replica that it watches.
type Sentinel struct {
	Master, Replica *Node

	port string
}

// StartSentinel starts a Sentinel that promotes the replica two seconds after its master died.
func (s *Server) StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	master := s.StartNode(tb)
	replica := s.StartNode(tb, "--replicaof", "127.0.0.1", master.Port)
	replica.follow(tb)
	port := freePort(tb)
	conf := filepath.Join(tb.TempDir(), "sentinel.conf")
	must(tb, os.WriteFile(conf, fmt.Appendf(nil, `port %s
bind 127.0.0.1
sentinel monitor ours 127.0.0.1 %s 1
sentinel down-after-milliseconds ours 2000
sentinel failover-timeout ours 5000
`, port, master.Port), 0o600))
	must(tb, s.Command(tb, conf, "--sentinel").Start())
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: "127.0.0.1:" + port})
	tb.Cleanup(func() { sentinel.Close() })
	until(tb, "the Sentinel knows the replica", func() bool {
		replicas, err := sentinel.Replicas(tb.Context(), "ours").Result()
		return err == nil && len(replicas) == 1 && replicas[0]["flags"] == "slave"
	})
	return &Sentinel{master, replica, port}
}

// URL is its address for a user of the servers that it leads to; "" is the default user.
func (s *Sentinel) URL(user, password string) string {
	url := "redis://127.0.0.1:" + s.port + "?master_name=ours"
	if user != "" {
		url += "&username=" + user + "&password=" + password // before the host they would be for the Sentinel
	}
	return url
}

// Cluster is three masters with one replica each.
type Cluster struct {
	Nodes []*Node // the masters first
}

const (
	masters = 3
	slots   = 16384
)

// StartCluster starts a cluster that promotes a replica a second after its master died, however far
// the replica lags behind.
func (s *Server) StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	var nodes []*Node
	for range 2 * masters {
		nodes = append(nodes, s.StartNode(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-replica-validity-factor", "0"))
	}
	ctx := tb.Context()
	for i, n := range nodes {
		must(tb, nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", n.Port, n.bus).Err())
		if i < masters {
			must(tb, n.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err())
		}
	}
	until(tb, "all nodes have met", func() bool {
		for _, n := range nodes {
			known := n.ClusterNodes(ctx).Val()
			if strings.Count(known, "connected") < len(nodes) || strings.Contains(known, "handshake") {
				return false
			}
		}
		return true
	})
	for i, n := range nodes[masters:] {
		must(tb, n.ClusterReplicate(ctx, nodes[i].ClusterMyID(ctx).Val()).Err())
	}
	for _, n := range nodes[masters:] {
		n.follow(tb)
	}
	until(tb, "the cluster is up", func() bool {
		for _, n := range nodes {
			if !strings.Contains(n.ClusterInfo(ctx).Val(), "cluster_state:ok") {
				return false
			}
		}
		return true
	})
	return &Cluster{nodes}
}

// URL is its address for a user; "" is the default user.
func (c *Cluster) URL(user, password string) string {
	if user != "" {
		user += ":" + password + "@"
	}
	return fmt.Sprintf("redis://%s127.0.0.1:%s?addr=127.0.0.1:%s", user, c.Nodes[0].Port, c.Nodes[1].Port)
}

// Master is the master that a key belongs to while none has died.
func (c *Cluster) Master(tb testing.TB, key string) *Node {
	tb.Helper()
	slot, err := c.Nodes[0].ClusterKeySlot(tb.Context(), key).Result()
	must(tb, err)
	return c.Nodes[int(slot)*masters/slots]
}

func freePort(tb testing.TB) string {
	tb.Helper()
	port, err := redisd.FreePort()
	must(tb, err)
	return strconv.Itoa(port)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// until polls until a condition holds.
func until(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(limit); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}
