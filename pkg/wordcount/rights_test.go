package wordcount

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestWorkersUserCanDoNothingButTasksOfItsJob(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, other := newRigOn(t, server, texts(3, 10)), newRigOn(t, server, texts(4, 10))
	for _, job := range []*rig{r, other} {
		job.prepare(bothModes[0])
		must(t, job.sup.Seed(t.Context()))
	}
	endpoint, err := server.AddUser(t.Context(), "worker", WorkerRules(r.plan.Job))
	must(t, err)
	rdb, err := endpoint.Client("worker")
	must(t, err)
	t.Cleanup(func() { rdb.Close() })
	ctx, mine, theirs := t.Context(), protocol{rdb, r.plan.Job}, protocol{rdb, other.plan.Job}
	run := r.status().Run

	if _, _, _, err := mine.glance(ctx); err != nil {
		t.Fatalf("it can't even look at its job: %v", err)
	}
	split := r.plan.Splits()[:1]
	_, _, seeded := mine.seed(ctx, run, r.sup.Maps(), 1, split)
	_, cleaned := mine.clean(ctx, run)
	_, requeued := mine.requeue(ctx, run)
	_, _, _, looked := theirs.glance(ctx)
	_, asked := theirs.status(ctx)
	_, foreignCommit := theirs.commit(ctx, other.status().Run, []int{1}, 0, 0, effect{}, 0, 0)
	for what, err := range map[string]error{
		"seed its job":               seeded,
		"clean its job":              cleaned,
		"give buried tasks back":     requeued,
		"look at another job":        looked,
		"ask for another job":        asked,
		"commit to another job":      foreignCommit,
		"read another job's stream":  rdb.XRange(ctx, other.plan.Job.Key("map"), "-", "+").Err(),
		"take another job's task":    rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "workers", Consumer: "worker", Streams: []string{other.plan.Job.Key("map"), ">"}, Block: -1}).Err(),
		"change another job's count": rdb.ZAdd(ctx, other.plan.Job.Key("counts"), redis.Z{Score: 1, Member: "word"}).Err(),
		"delete a key of its job":    rdb.Del(ctx, r.plan.Job.Key("meta")).Err(),
		"read a foreign key":         rdb.HGetAll(ctx, "somebody else's").Err(),
		"list all keys":              rdb.Keys(ctx, "*").Err(),
		"empty the server":           rdb.FlushAll(ctx).Err(),
		"read the configuration":     rdb.ConfigGet(ctx, "requirepass").Err(),
		"change the configuration":   rdb.ConfigSet(ctx, "save", "").Err(),
		"save":                       rdb.BgSave(ctx).Err(),
		"end the server":             rdb.Shutdown(ctx).Err(),
		"give itself rights":         rdb.Do(ctx, "ACL", "SETUSER", "worker", "+@all").Err(),
		"run a script":               rdb.Eval(ctx, "return 1", nil).Err(),
	} {
		if err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("a worker may %s: %v", what, err)
		}
	}
	for _, job := range []*rig{r, other} {
		if st := job.status(); st.Run == "" || st.Seeded != job.sup.Maps() || st.Pending() != 0 || st.Final != "" {
			t.Errorf("job %s is not as it was: %+v", job.plan.Job.ID, st)
		}
	}
}

// as makes a user by ACL rules and returns the way in as that user. The library is there: an administrator loaded it.
func (r *rig) as(name, rules string) redisd.Endpoint {
	r.tb.Helper()
	set := []any{"ACL", "SETUSER", name, "reset", "on", ">sesame"}
	for _, rule := range strings.Fields(rules) {
		set = append(set, rule)
	}
	must(r.tb, r.probe.Do(r.tb.Context(), set...).Err())
	_, err := Library.Load(r.tb.Context(), r.probe)
	must(r.tb, err)
	return redisd.Endpoint{URL: "redis://" + name + ":sesame@" + r.server.Addr}
}

func TestAFunctionWritesNothingIfTheRightToAnyOfItsCommandsLacks(t *testing.T) {
	t.Parallel()
	for lacking, c := range map[string]struct {
		reducers int
		call     func(*byHand) error
	}{
		"xack":  {2, func(h *byHand) error { _, err := h.commits(1); return err }},
		"rpush": {2, func(h *byHand) error { _, err := h.commits(1); return err }},
		"hincrby": {2, func(h *byHand) error {
			_, err := h.lib.attempt(h.tb.Context(), h.run, taskID{"map", 1}, "w")
			return err
		}},
		"zincrby": {MapOnly, func(h *byHand) error { _, err := h.commits(1); return err }},
		"hset":    {MapOnly, func(h *byHand) error { _, err := h.commits(1); return err }},
		"hsetnx": {2, func(h *byHand) error {
			_, err := h.lib.fail(h.tb.Context(), h.run, "map", 1, "x", 1, "cause")
			return err
		}},
		"xclaim":        {2, func(h *byHand) error { _, err := h.lib.giveUp(h.tb.Context(), h.run, "w", true); return err }},
		"xgroup|create": {2, func(h *byHand) error { _, _, err := h.lib.seed(h.tb.Context(), h.run, handTasks, 1, nil); return err }},
	} {
		t.Run(lacking, func(t *testing.T) {
			h := newByHand(t, c.reducers)
			h.take("map", "w", handTasks)
			before := h.dump()
			h.lib.rdb = h.client(h.as("guest", SupervisorRules+" -"+lacking))
			isError(t, c.call(h), ErrRedis, "NOPERM", "check user, password and permissions")
			if after := h.dump(); after != before {
				t.Errorf("the job was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

func TestTotalsAreNotAcknowledgedIfTheRightToStoreThemLacks(t *testing.T) {
	t.Parallel()
	for _, lacking := range []string{"-zadd", "-multi", "-exec", "-multi -zadd", "-watch"} {
		t.Run(lacking, func(t *testing.T) {
			h := newReducing(t, 1, 1)
			guest := protocol{h.client(h.as("guest", SupervisorRules+" "+lacking)), h.lib.job}
			_, err := guest.put(t.Context(), h.run, totals{"a", []int{0}, 6}, 0, []any{3, "three", 2, "two", 1, "one"}, true)
			isError(t, err, ErrRedis, "NOPERM", "check user, password and permissions")
			h.expect("what was acknowledged is counted", func(st Status) bool { return st.Reduced == 0 || h.counts() == handCounts })
		})
	}
}

func TestAServerThatMayNotBeAskedToSaveEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	r.sup.Redis = r.client(r.as("guest", SupervisorRules))
	r.sup.Prepare()
	r.finishFailing(ErrRedis, "NOPERM", "bgsave", "choose another durability")
}

func TestABudgetThatCannotBeKeptIsSaidOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.prepare(bothModes[0])
	r.sup.Redis = r.client(r.as("guest", SupervisorRules+" +bgsave -memory|usage"))
	r.sup.Prepare()
	r.sup.Budget = 1
	must(t, r.sup.Seed(t.Context()))
	for range 2 {
		r.sup.weighed = time.Time{}
		must(t, r.sup.withinBudget(t.Context()))
	}
	if n := r.said("budget isn't kept: redis: NOPERM"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

func TestAUserWithoutOneOfItsRightsEndsTheRunExactlyOrRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for who, rules := range map[string]string{"a guest": SupervisorRules, "a worker": WorkerRules(Job{})} {
		for _, right := range strings.Fields(rules) {
			lacking, isCommand := strings.CutPrefix(right, "+")
			if !isCommand {
				continue
			}
			t.Run(who+" without "+lacking, func(t *testing.T) {
				t.Parallel()
				inBothModes(t, func(t *testing.T, o Options) {
					r := newRigOn(t, server, texts(3, 10))
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
					r.refused(err, ErrRedis)
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
	endpoint, err := json.Marshal(r.as("worker-"+r.plan.Job.ID, WorkerRules(r.plan.Job)+" -"+right))
	must(r.tb, err)
	r.team.Redis = endpoint
}

// lackAsGuest lets everybody lack it, as on a server that was given.
func (r *rig) lackAsGuest(right string) {
	r.tb.Helper()
	as := r.as("guest-"+r.plan.Job.ID, SupervisorRules+" -"+right)
	endpoint, err := json.Marshal(as)
	must(r.tb, err)
	rdb := r.client(as)
	r.team.Redis, r.sup.Redis, r.sup.Durability = endpoint, rdb, None
	r.sup.Revive = func(ctx context.Context) error {
		_, err := Library.Load(ctx, rdb)
		return err
	}
	r.sup.Prepare()
}

// acknowledged is how many tasks of a stream are.
func (r *rig) acknowledged(stream string) int {
	groups, err := r.probe.XInfoGroups(r.tb.Context(), r.plan.Job.Key(stream)).Result()
	if err != nil || len(groups) == 0 { // there is no such stream
		return 0
	}
	delivered, _, _ := strings.Cut(groups[0].LastDeliveredID, "-")
	return number(delivered) - int(groups[0].Pending)
}

// client connects as a user.
func (r *rig) client(as redisd.Endpoint) redis.UniversalClient {
	r.tb.Helper()
	rdb, err := as.Client("guest")
	must(r.tb, err)
	r.tb.Cleanup(func() { rdb.Close() })
	return rdb
}

// dump is all that Redis has of the job.
func (h *byHand) dump() string {
	h.tb.Helper()
	var all strings.Builder
	for _, key := range h.lib.job.Keys() {
		text, err := h.probe.Dump(h.tb.Context(), key).Result()
		if err != redis.Nil {
			must(h.tb, err)
		}
		fmt.Fprintf(&all, "%s %q\n", key, text)
	}
	return all.String()
}
