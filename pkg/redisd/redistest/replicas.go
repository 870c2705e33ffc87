package redistest

import (
	"cmp"
	"context"
	"fmt"
	"net"
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
	Host *Host
	Port string
	PID  int

	bus string // the port on which the nodes of a cluster talk
}

// StartNode starts a server on this machine.
func (s *Server) StartNode(tb testing.TB, args ...string) *Node {
	tb.Helper()
	return s.StartNodeOn(tb, here, args...)
}

// StartNodeOn starts a server with a user for replication, so that a test can cut off the replicas
// without touching the other clients. The node's client uses a socket, which it reaches on a host of
// a network, too.
func (s *Server) StartNodeOn(tb testing.TB, host *Host, args ...string) *Node {
	tb.Helper()
	// By default the bus is 10000 above the port, and may be taken.
	n := &Node{Host: host, Port: freePort(tb), bus: freePort(tb)}
	socket := shortPath(tb)
	cmd := s.Command(tb, append([]string{
		"--port", n.Port, "--cluster-port", n.bus, "--bind", host.IP, "--protected-mode", "no", "--unixsocket", socket,
		"--save", "", "--repl-diskless-sync-delay", "0",
		"--user", "replica", "on", ">secret", "+psync", "+replconf", "+ping",
		"--masteruser", "replica", "--masterauth", "secret",
	}, args...)...)
	host.Run(cmd)
	must(tb, cmd.Start())
	n.PID = cmd.Process.Pid
	n.Client = redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1})
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

// Leads reports whether a server is a master.
func (n *Node) Leads(tb testing.TB) bool {
	tb.Helper()
	role, err := n.Do(tb.Context(), "ROLE").Slice()
	return err == nil && role[0] == "master"
}

// Sentinel is one or more Sentinels with the master and the replica that they watch.
type Sentinel struct {
	Master, Replica *Node

	addr string // of the first
}

// StartSentinel starts a Sentinel on this machine.
func (s *Server) StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	return s.StartSentinels(tb, s.StartNode(tb), here, here)
}

// StartSentinels starts a replica of a master, and Sentinels. A majority of the Sentinels promotes the
// replica two seconds after it last heard of the master.
func (s *Server) StartSentinels(tb testing.TB, master *Node, replica *Host, hosts ...*Host) *Sentinel {
	tb.Helper()
	sentinels := &Sentinel{Master: master, Replica: s.StartNodeOn(tb, replica, "--replicaof", master.Host.IP, master.Port)}
	sentinels.Replica.follow(tb)
	var clients []*redis.SentinelClient
	for _, host := range hosts {
		port, socket, conf := freePort(tb), shortPath(tb), filepath.Join(tb.TempDir(), "sentinel.conf")
		must(tb, os.WriteFile(conf, fmt.Appendf(nil, `port %s
bind %s
unixsocket %s
sentinel monitor ours %s %s %d
sentinel down-after-milliseconds ours 2000
sentinel failover-timeout ours 5000
`, port, host.IP, socket, master.Host.IP, master.Port, len(hosts)/2+1), 0o600))
		cmd := s.Command(tb, conf, "--sentinel")
		host.Run(cmd)
		must(tb, cmd.Start())
		sentinels.addr = cmp.Or(sentinels.addr, net.JoinHostPort(host.IP, port))
		client := redis.NewSentinelClient(&redis.Options{Network: "unix", Addr: socket})
		tb.Cleanup(func() { client.Close() })
		clients = append(clients, client)
	}
	for _, client := range clients {
		until(tb, "the Sentinels know each other and the replica", func() bool {
			known, err := client.Replicas(tb.Context(), "ours").Result()
			others, _ := client.Sentinels(tb.Context(), "ours").Result()
			return err == nil && len(known) == 1 && known[0]["flags"] == "slave" && len(others) == len(hosts)-1
		})
	}
	return sentinels
}

// URL is the address of the first Sentinel, which knows the others, for a user of the servers that it
// leads to; "" is the default user.
func (s *Sentinel) URL(user, password string) string {
	url := "redis://" + s.addr + "?master_name=ours"
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

// StartCluster starts a cluster on this machine.
func (s *Server) StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	return s.StartClusterOn(tb, func() *Host { return here })
}

// StartClusterOn starts a cluster that promotes a replica soon after its master died, however far the
// replica lags behind. host is called for the host of each node.
func (s *Server) StartClusterOn(tb testing.TB, host func() *Host) *Cluster {
	tb.Helper()
	var nodes []*Node
	for range 2 * masters {
		nodes = append(nodes, s.StartNodeOn(tb, host(), "--cluster-enabled", "yes", "--cluster-node-timeout", "3000",
			"--cluster-replica-validity-factor", "0"))
	}
	ctx := tb.Context()
	for i, n := range nodes {
		must(tb, nodes[0].Do(ctx, "CLUSTER", "MEET", n.Host.IP, n.Port, n.bus).Err())
		if i < masters {
			must(tb, n.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err())
		}
	}
	until(tb, "all nodes have met", func() bool {
		for _, n := range nodes {
			known := n.ClusterNodes(ctx).Val()
			if strings.Count(known, " connected") < len(nodes) || strings.Contains(known, "handshake") {
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
	first, second := c.Nodes[0], c.Nodes[1]
	return fmt.Sprintf("redis://%s%s:%s?addr=%s:%s", user, first.Host.IP, first.Port, second.Host.IP, second.Port)
}

// Master is the master that a key belongs to while none has died.
func (c *Cluster) Master(tb testing.TB, key string) *Node {
	tb.Helper()
	slot, err := c.Nodes[0].ClusterKeySlot(tb.Context(), key).Result()
	must(tb, err)
	return c.Nodes[int(slot)*masters/slots]
}

// shortPath is a path for a socket, whose length has a bound.
func shortPath(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "redistest")
	must(tb, err)
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "socket")
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
