package wordcount

import (
	"fmt"
	"strings"
	"testing"

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
	_, foreignCommit := theirs.commit(ctx, other.status().Run, []int{1}, 0, 0, nil)
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
		// Of a command within a function Redis says it in other words.
		if err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "user executing the script can't run") {
			t.Errorf("a worker may %s: %v", what, err)
		}
	}
	for _, job := range []*rig{r, other} {
		if st := job.status(); st.Run == "" || st.Seeded != job.sup.Maps() || st.Pending() != 0 || st.Final != "" {
			t.Errorf("job %s is not as it was: %+v", job.plan.Job.ID, st)
		}
	}
}

// as makes a user by ACL rules and returns the way in as that user.
func (r *rig) as(name, rules string) redisd.Endpoint {
	r.tb.Helper()
	set := []any{"ACL", "SETUSER", name, "reset", "on", ">sesame"}
	for _, rule := range strings.Fields(rules) {
		set = append(set, rule)
	}
	must(r.tb, r.probe.Do(r.tb.Context(), set...).Err())
	return redisd.Endpoint{URL: "redis://" + name + ":sesame@" + r.server.Addr}
}

func TestAFunctionWritesNothingIfTheRightToAnyOfItsCommandsLacks(t *testing.T) {
	t.Parallel()
	for lacking, c := range map[string]struct {
		reducers int
		call     func(*byHand) error
	}{
		"xack":    {2, func(h *byHand) error { _, err := h.commits(1); return err }},
		"rpush":   {2, func(h *byHand) error { _, err := h.commits(1); return err }},
		"hincrby": {2, func(h *byHand) error { _, err := h.commits(1); return err }},
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
			rdb, err := h.as("guest", SupervisorRules+" -"+lacking).Client("guest")
			must(t, err)
			defer rdb.Close()
			h.lib.rdb = rdb
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
			rdb, err := h.as("guest", SupervisorRules+" "+lacking).Client("guest")
			must(t, err)
			defer rdb.Close()
			guest := protocol{rdb, h.lib.job}
			_, err = guest.put(t.Context(), h.run, totals{"a", []int{0}, 6}, 0, []any{3, "three", 2, "two", 1, "one"}, true)
			isError(t, err, ErrRedis, "NOPERM", "check user, password and permissions")
			h.expect("what was acknowledged is counted", func(st Status) bool { return st.Reduced == 0 || h.counts() == handCounts })
		})
	}
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
