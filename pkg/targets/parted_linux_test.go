package targets_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// parted is a job on a network that parts in the middle of the job. The master of the job's keys stays alive on the smaller
// side, with some of the workers, and a replica takes its place on the other side.
type parted struct {
	*folder // of the supervisor
	guest   *folder
	network *redistest.Network
	nodes   []*redistest.Node
	old     *redistest.Node // that had the keys

	supervisor, joined *process
	away               []*redistest.Host // parted from the others
}

// newParted starts a job on a network, with workers on two of its hosts.
func newParted(t *testing.T, serve func(*redistest.Network, *redistest.Server) (url string, nodes []*redistest.Node)) *parted {
	t.Helper()
	network := redistest.NewNetwork(t)
	p := &parted{network: network, folder: bareFolder(t), guest: bareFolder(t)}
	url, nodes := serve(network, redistest.Start(t))
	p.nodes = nodes
	for _, f := range []*folder{p.folder, p.guest} {
		f.host = network.Host()
		f.use(url, "")
		f.set("WORDCOUNT_SHUFFLE", filepath.Join(p.dir, "shuffle"))
		f.set("WORDCOUNT_LEASE", "3s")
		f.set("WORDCOUNT_FAULTS", "slow=300ms:2")
	}
	return p
}

// begin starts the supervisor and its workers, and the workers of the other host, and returns when all have done something.
func (p *parted) begin() {
	p.Helper()
	p.texts(300) // which take minutes, unless quick workers come
	p.supervisor = p.start("run")
	p.supervisor.says("workers:spawn ")
	p.joined = p.guest.start("workers:join", "-job="+p.job().ID, "-input="+filepath.Join(p.dir, "data"))
	p.joined.says("workers:spawn ")
	p.await("a server leads", func() bool { p.old, _ = p.leader(nil); return p.old != nil })
	for _, of := range []*process{p.supervisor, p.joined} {
		p.await("workers of both hosts have done something", func() bool { return p.done(p.old, of) > 0 })
	}
}

// leader is the server that has the job's keys and takes writes, and where the job stands there.
func (p *parted) leader(but *redistest.Node) (*redistest.Node, protocol.Status) {
	p.Helper()
	for _, n := range p.nodes {
		if n == but || !n.Leads(p) {
			continue
		}
		if st, err := protocol.StatusOf(p.Context(), n, p.job()); err == nil {
			return n, st
		}
	}
	return nil, protocol.Status{}
}

// done is how many tasks the workers of a process have done, as a server says.
func (p *parted) done(n *redistest.Node, of *process) (done int) {
	p.Helper()
	st, _ := protocol.StatusOf(p.Context(), n, p.job())
	team := of.team()
	for _, w := range st.Workers {
		if slices.Contains(team, w.PID) {
			done += w.Tasks
		}
	}
	return done
}

// part cuts the master and the host of one process off from the others, waits until both sides have done something, and
// logs how long the job stood still on the larger side.
func (p *parted) part(away *process) {
	p.Helper()
	p.away = []*redistest.Host{p.old.Host, away.host}
	p.network.Part(p.away...)
	began := time.Now()
	before, err := protocol.StatusOf(p.Context(), p.old, p.job())
	check.Must(p, err)
	var (
		lead            *redistest.Node
		promoted        protocol.Status
		ledAfter        time.Duration
		smaller, larger bool
	)
	p.await("both sides go on", func() bool {
		if now, err := protocol.StatusOf(p.Context(), p.old, p.job()); err == nil && now.Mapped > before.Mapped {
			smaller = true
		}
		if lead == nil {
			lead, promoted = p.leader(p.old)
			ledAfter = time.Since(began)
		} else if now, err := protocol.StatusOf(p.Context(), lead, p.job()); err == nil && now.Mapped > promoted.Mapped {
			larger = true
		}
		return smaller && larger
	})
	p.Logf("a replica led after %.1fs, and the job stood still for %.1fs", ledAfter.Seconds(), time.Since(began).Seconds())
	if !p.old.Leads(p) {
		p.Error("the old master knows of the new one")
	}
}

// ends joins the network, waits until the old master follows the new one, and has the job done.
func (p *parted) ends() {
	p.Helper()
	p.network.Join(p.away...)
	p.await("the old master is a replica", func() bool { return !p.old.Leads(p) })
	p.supervisor.letGo()
	p.joined.letGo()
	r := p.supervisor.exits(0)
	p.Log(r)
	p.joined.exits(0)
	lacks(p, r.out, "nothing redone")
	p.exact()
}

// sentinels serve a master with a Sentinel on one host, and a replica and two more Sentinels on others.
func sentinels(args ...string) func(*redistest.Network, *redistest.Server) (string, []*redistest.Node) {
	return func(network *redistest.Network, s *redistest.Server) (string, []*redistest.Node) {
		master := s.StartNodeOn(network.TB, network.Host(), args...)
		sentinel := s.StartSentinels(network.TB, master, network.Host(), master.Host, network.Host(), network.Host())
		return sentinel.URL("", ""), []*redistest.Node{sentinel.Master, sentinel.Replica}
	}
}

// cluster serves three masters with a replica each, each on a host of its own.
func cluster(network *redistest.Network, s *redistest.Server) (string, []*redistest.Node) {
	c := s.StartClusterOn(network.TB, network.Host)
	return c.URL("", ""), c.Nodes
}

func TestFault81SentinelsPromoteAReplicaWhileTheMasterIsApartWithWorkers(t *testing.T) {
	t.Parallel()
	p := newParted(t, sentinels())
	p.live()
	p.begin()
	p.part(p.joined)
	p.supervisor.says("! redis is back: ")
	p.ends()
}

func TestFault81AClusterPromotesAReplicaWhileTheMasterIsApartWithWorkers(t *testing.T) {
	t.Parallel()
	p := newParted(t, cluster)
	p.set("WORDCOUNT_REDUCERS", "3")
	p.begin()
	p.part(p.joined)
	p.supervisor.says("! redis is back: ")
	p.ends()
}

func TestFault81AClusterPromotesAReplicaWhileTheMasterIsApartWithTheSupervisor(t *testing.T) {
	t.Parallel()
	p := newParted(t, cluster)
	p.live()
	p.begin()
	p.part(p.supervisor)
	p.ends()
}

func TestFault81AMasterThatWantsAReplicaSealsNothingApart(t *testing.T) {
	t.Parallel()
	p := newParted(t, sentinels("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"))
	p.live()
	p.begin()
	p.part(p.supervisor)
	p.await("the master takes no writes", func() bool {
		err := p.old.Set(p.Context(), "theirs", "", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "NOREPLICAS ")
	})
	p.ends()
}

func TestFault81AResultThatWasSealedApartIsGoneAndCountedAnew(t *testing.T) {
	t.Parallel()
	p := newParted(t, sentinels())
	p.live()
	p.begin()
	p.part(p.supervisor)
	p.supervisor.letGo() // quick workers do all that is left
	p.supervisor.exits(0)
	p.exact() // as long as the network is parted
	p.network.Join(p.away...)
	p.await("the old master is a replica", func() bool { return !p.old.Leads(p) })
	for _, target := range []string{"top", "export", "verify"} {
		if r := p.exits(3, target); r.out != "" {
			t.Errorf("%s shows what is gone: %s", target, r)
		}
	}
	p.exits(0, "run")
	p.joined.exits(0)
	p.exact()
}
