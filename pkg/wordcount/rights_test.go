package wordcount

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// as makes a user by ACL rules and returns the way in as that user.
func (r *rig) as(name, rules string) redisd.Endpoint {
	r.tb.Helper()
	return wordcounttest.User(r.tb, r.server, name, rules)
}

func TestAServerThatMayNotBeAskedToSaveEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(bothModes[0])
	r.supervised(func(c *supervisor.Config) {
		c.Redis = wordcounttest.Connect(r.tb, r.as("guest", protocol.SupervisorRules))
	})
	r.finishFailing(protocol.ErrRedis, "NOPERM", "bgsave", "choose another durability")
}

func TestAUserWithoutOneOfItsRightsEndsTheRunExactlyOrRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for who, rules := range map[string]string{"a guest": protocol.SupervisorRules, "a worker": protocol.WorkerRules(protocol.Job{})} {
		for _, right := range strings.Fields(rules) {
			lacking, isCommand := strings.CutPrefix(right, "+")
			if !isCommand {
				continue
			}
			t.Run(who+" without "+lacking, func(t *testing.T) {
				t.Parallel()
				inBothModes(t, func(t *testing.T, o plan.Options) {
					r := newRigOn(t, server, check.Texts(3, 10))
					r.size, r.faults, r.lease = 1, "crash@after-read:1", 200*time.Millisecond // theft needs rights too
					r.prepare(o)
					if who == "a worker" {
						r.lackAsWorker(lacking)
					} else {
						r.lackAsGuest(lacking)
					}
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					sealed, err := r.runPrepared(ctx)
					if err == nil {
						r.check(sealed)
						return
					}
					r.refused(err, protocol.ErrRedis)
					st := r.status()
					if maps, reduces := r.acknowledged("map"), r.acknowledged("reduce"); maps != st.Mapped || reduces != st.Reduced {
						t.Errorf("%d maps and %d reduces are acknowledged, of them are counted %d and %d", maps, reduces, st.Mapped, st.Reduced)
					}
					if st.Mapped > 0 { // with all rights it goes on from there
						r.faults = ""
						r.exact(o)
					}
				})
			})
		}
	}
}

// lackAsWorker lets the workers of a job that is prepared lack a right.
func (r *rig) lackAsWorker(right string) {
	r.tb.Helper()
	endpoint, err := json.Marshal(r.as("worker-"+r.plan.Job.ID, protocol.WorkerRules(r.plan.Job)+" -"+right))
	check.Must(r.tb, err)
	r.team.Worker.Server = endpoint
}

// lackAsGuest lets everybody lack it, as on a server that was given.
func (r *rig) lackAsGuest(right string) {
	r.tb.Helper()
	as := r.as("guest-"+r.plan.Job.ID, protocol.SupervisorRules+" -"+right)
	endpoint, err := json.Marshal(as)
	check.Must(r.tb, err)
	rdb := wordcounttest.Connect(r.tb, as)
	r.team.Worker.Server = endpoint
	r.reviveBy = func(ctx context.Context) error {
		_, err := protocol.Library.Load(ctx, rdb)
		return err
	}
	r.supervised(func(c *supervisor.Config) { c.Redis, c.Durability = rdb, checkpoint.None })
}

// acknowledged is how many tasks of a stream are.
func (r *rig) acknowledged(stream string) int {
	groups, err := r.probe.XInfoGroups(r.tb.Context(), r.plan.Job.Key(stream)).Result()
	if err != nil || len(groups) == 0 { // there is no such stream
		return 0
	}
	delivered, _, _ := strings.Cut(groups[0].LastDeliveredID, "-")
	return protocol.Number(delivered) - int(groups[0].Pending)
}

func TestAUserWhoMayLoadTheLibraryNeedsNoAdministrator(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{3, 0} {
		server := redistest.Start(t)
		as := wordcounttest.User(t, server, "guest", protocol.SupervisorRules+" +function|load")
		admin := server.Client(t)
		check.Must(t, admin.FunctionFlush(t.Context()).Err())
		check.Must(t, admin.Do(t.Context(), "ACL", "LOG", "RESET").Err())
		job := folderJob(t, folderOf(t, check.Texts(3, 10)), func(c *Config) {
			c.Redis, c.Options = as.URL, plan.Options{Split: 100, Reducers: reducers, Direct: reducers == 0}
		})
		result, err := job.Run(t.Context())
		check.Must(t, err)
		for _, err := range result.All(t.Context()) {
			check.Must(t, err)
		}
		check.Must(t, job.Clean(t.Context(), func(string, int) {}))
		refusals, err := admin.Do(t.Context(), "ACL", "LOG").Slice()
		check.Must(t, err)
		if len(refusals) != 0 {
			t.Errorf("refused: %v", refusals)
		}
	}
}
