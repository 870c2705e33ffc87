package wordcount

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault65ABudgetIsExceededByNoMoreThanATenth(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		const budget = 1 << 20
		files := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d"} {
			files[name] = check.Words(20_000) // in the sorted set they take more than two MiB
		}
		o.Split, o.WholeFiles = 10_000, false
		r := newRig(t, files)
		limited := func(bytes int64) {
			r.prepare(o)
			r.team.Worker.Budget = protocol.Budget{Bytes: bytes, Callers: r.size}
			r.supervised(func(c *supervisor.Config) { c.Budget = bytes })
		}
		client := protocol.Client{Redis: r.probe, Job: r.plan.Job}
		for _, run := range []string{"the first run", "the next run"} {
			limited(budget)
			client.Job = r.plan.Job
			r.finishFailing(protocol.ErrBudget, "its budget is 1.0 MiB")
			used, err := client.Weigh(t.Context())
			check.Must(t, err)
			if used > budget+budget/10 {
				t.Errorf("%s has left %d bytes of %d", run, used, budget)
			}
		}
		before := r.status().Run
		limited(64 << 20)
		if sealed := r.finishExactly(); sealed.Run != before {
			t.Errorf("run %s did not go on, %s was begun", before, sealed.Run)
		}
	})
}

func TestFault65AResultThatExceedsItsBudgetIsNotSealed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Finish()
	used, err := h.Client.Weigh(t.Context())
	check.Must(t, err)
	h.supervised(func(c *supervisor.Config) { c.Budget = used - 1 })
	_, err = h.sup.Seal(t.Context())
	h.refused(err, supervisor.ErrBudget, "its budget is")
}

func TestFault65WhatAnInterruptedJobLeavesExpires(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	dir := folderOf(t, check.Texts(10, 10))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	job := folderJob(t, dir, on(server), func(c *Config) {
		c.Seen = func(st Status) {
			if st.Mapped > 0 {
				interrupt()
			}
		}
	})
	if _, err := job.Run(ctx); err == nil {
		t.Fatal("it was not interrupted")
	}
	expire(t, server, true)
	_, err := folderJob(t, dir, on(server)).Run(t.Context())
	check.Must(t, err)
	expire(t, server, true)
}

// expire checks whether every key of a server expires in about a week, or none does.
func expire(t *testing.T, server *redistest.Server, want bool) {
	t.Helper()
	rdb := server.Client(t)
	keys, err := rdb.Keys(t.Context(), "*").Result()
	check.Must(t, err)
	if len(keys) == 0 {
		t.Error("there are no keys")
	}
	for _, key := range keys {
		ttl, err := rdb.TTL(t.Context(), key).Result()
		check.Must(t, err)
		if expires := ttl > givenTTL-time.Hour && ttl <= givenTTL; expires != want || ttl > 0 != want {
			t.Errorf("%s expires in %v", key, ttl)
		}
	}
}

func TestFault65WhatAKilledSupervisorLeavesExpires(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 10))
	r.faults = "slow=1m:2"
	r.prepare(bothModes[0])
	r.supervised(func(c *supervisor.Config) { c.TTL = givenTTL })
	run := r.start()
	run.until("both workers have told of themselves", func() bool { return len(r.status().Workers) == 2 })
	run.until("every key has a time to live", func() bool {
		for _, key := range r.probe.Keys(t.Context(), "*").Val() {
			if r.probe.TTL(t.Context(), key).Val() < 0 {
				return false
			}
		}
		return true
	})
}

func TestFault65AServerThatEvictsWhatExpiresKeepsAnInterruptedJob(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1, func(c *supervisor.Config) { c.TTL = givenTTL })
	expire(t, h.rig.server, true)
	_, err := protocol.Clean(t.Context(), h.probe, h.plan.Job)
	check.Must(t, err)
	h.setConfig("maxmemory-policy", "volatile-lru")
	check.Must(t, h.sup.Seed(t.Context()))
	h.sup.Leave(t.Context())
	expire(t, h.rig.server, false)
}

// A guest doesn't choose how much a server takes in one argument. One mebibyte is the least that
// can be set, and as long as the longest word.
func TestAServerThatTakesOneMebibyteInAnArgumentIsEnough(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		files := map[string]string{"longest": strings.Repeat("w", count.MaxWord), "many": check.Words(50_000)}
		for i := range 300 {
			files[fmt.Sprintf("%0200d", i)] = "small"
		}
		r := newRig(t, files)
		check.Must(t, r.probe.ConfigSet(t.Context(), "proto-max-bulk-len", "1mb").Err())
		r.exact(o)
	})
}
