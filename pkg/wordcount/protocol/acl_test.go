package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestWorkersUserCanDoNothingButTasksOfItsJob(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := plan.Options{Split: 100, Reducers: 3}
	h, other := wordcounttest.NewOn(t, server, check.Texts(3, 10), o), wordcounttest.NewOn(t, server, check.Texts(4, 10), o)
	endpoint, err := server.AddUser(t.Context(), "worker", protocol.WorkerRules(h.Client.Job))
	check.Must(t, err)
	rdb, err := endpoint.Client("worker")
	check.Must(t, err)
	t.Cleanup(func() { rdb.Close() })
	ctx, mine, theirs := t.Context(), protocol.Client{Redis: rdb, Job: h.Client.Job}, protocol.Client{Redis: rdb, Job: other.Client.Job}
	run := h.Run

	if _, err := mine.ReadPhase(ctx); err != nil {
		t.Fatalf("it can't even look at its job: %v", err)
	}
	split := h.Splits[:1]
	_, seeded := mine.Seed(ctx, run, h.Dir, len(h.Splits), 1, plan.Entries(split))
	_, cleaned := mine.Clean(ctx, run)
	_, requeued := mine.Requeue(ctx, run)
	_, looked := theirs.ReadPhase(ctx)
	_, asked := theirs.Status(ctx)
	_, foreignCommit := theirs.Commit(ctx, other.Run, protocol.Commit{Tasks: []int{1}, Output: "output"})
	_, foreignOutputs := theirs.Outputs(ctx, other.Run)
	for what, err := range map[string]error{
		"seed its job":               seeded,
		"clean its job":              cleaned,
		"give buried tasks back":     requeued,
		"look at another job":        looked,
		"ask for another job":        asked,
		"commit to another job":      foreignCommit,
		"read another job's outputs": foreignOutputs,
		"revoke another's outputs":   theirs.Revoke(ctx, other.Run, "output", "host", errors.New("it is gone")),
		"read another job's stream":  rdb.XRange(ctx, other.Client.Job.Key("map"), "-", "+").Err(),
		"take another job's task":    rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "workers", Consumer: "worker", Streams: []string{other.Client.Job.Key("map"), ">"}, Block: -1}).Err(),
		"change another job's count": rdb.ZAdd(ctx, other.Client.Job.Key("counts"), redis.Z{Score: 1, Member: "word"}).Err(),
		"delete a key of its job":    rdb.Del(ctx, h.Client.Job.Key("meta")).Err(),
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
	for _, job := range []*wordcounttest.Job{h, other} {
		if st := job.Status(); st.Run == "" || st.Seeded != len(job.Splits) || st.Pending() != 0 || st.Final != "" {
			t.Errorf("job %s is not as it was: %+v", job.Client.Job.ID, st)
		}
	}
}

func TestAFunctionWritesNothingIfTheRightToAnyOfItsCommandsLacks(t *testing.T) {
	t.Parallel()
	for lacking, c := range map[string]struct {
		reducers int
		call     func(*wordcounttest.Job) error
	}{
		"xack": {2, func(h *wordcounttest.Job) error { _, err := h.Commit(1); return err }},
		"xlen": {2, func(h *wordcounttest.Job) error { _, err := h.Commit(1, 2, 3); return err }},
		"xadd": {2, func(h *wordcounttest.Job) error { _, err := h.Commit(1, 2, 3); return err }},
		"hdel": {2, func(h *wordcounttest.Job) error {
			return h.Client.Revoke(h.TB.Context(), h.Run, "output", "host", errors.New("it is gone"))
		}},
		"hincrby": {2, func(h *wordcounttest.Job) error {
			_, err := h.Client.BeginTask(h.TB.Context(), h.Run, protocol.TaskID{Stream: "map", Number: 1}, "w")
			return err
		}},
		"zincrby": {0, func(h *wordcounttest.Job) error { _, err := h.Commit(1); return err }},
		"hset":    {0, func(h *wordcounttest.Job) error { _, err := h.Commit(1); return err }},
		"hsetnx": {2, func(h *wordcounttest.Job) error {
			_, err := h.Client.Fail(h.TB.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, "x", 1, protocol.Cause{})
			return err
		}},
		"xclaim": {2, func(h *wordcounttest.Job) error {
			_, err := h.Client.Release(h.TB.Context(), h.Run, "w", true)
			return err
		}},
		"xgroup|create": {2, func(h *wordcounttest.Job) error {
			_, err := h.Client.Seed(h.TB.Context(), h.Run, h.Dir, wordcounttest.Tasks, 1, nil)
			return err
		}},
	} {
		t.Run(lacking, func(t *testing.T) {
			h := wordcounttest.New(t, c.reducers)
			h.Take("map", "w", wordcounttest.Tasks)
			admin, before := h.Client, dump(t, h.Client)
			h.Client.Redis = wordcounttest.Connect(t, wordcounttest.User(t, h.Server, "guest", protocol.SupervisorRules+" -"+lacking))
			check.IsError(t, c.call(h), protocol.ErrRedis, "NOPERM", "check user, password and permissions")
			if after := dump(t, admin); after != before {
				t.Errorf("the job was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

func TestTotalsAreNotAcknowledgedIfTheRightToStoreThemLacks(t *testing.T) {
	t.Parallel()
	for _, lacking := range []string{"-zadd", "-multi", "-exec", "-multi -zadd", "-watch"} {
		t.Run(lacking, func(t *testing.T) {
			h := wordcounttest.NewReducing(t, 1, 1)
			guest := protocol.Client{
				Redis: wordcounttest.Connect(t, wordcounttest.User(t, h.Server, "guest", protocol.SupervisorRules+" "+lacking)), Job: h.Client.Job,
			}
			_, err := guest.Store(t.Context(), h.Run, protocol.Totals{Nonce: "a", Partitions: []int{0}, Tokens: 6}, 0, []any{3, "three", 2, "two", 1, "one"}, true)
			check.IsError(t, err, protocol.ErrRedis, "NOPERM", "check user, password and permissions")
			h.Expect("what was acknowledged is counted", func(st protocol.Status) bool { return st.Reduced == 0 || h.Counts() == wordcounttest.Result })
		})
	}
}

// The worker's rights are as few as they can be: without any of them, something that a worker does is
// refused.
func TestAWorkerNeedsEachOfItsRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	admin := server.Client(t)
	// aDay is what the user was refused in a worker's day, without one of the rights.
	aDay := func(lacking string) string {
		h := wordcounttest.NewOn(t, server, wordcounttest.Files(), plan.Options{WholeFiles: true, Reducers: 1})
		check.Must(t, admin.Do(t.Context(), "ACL", "LOG", "RESET").Err())
		as := wordcounttest.User(t, server, "worker-"+h.Client.Job.ID, protocol.WorkerRules(h.Client.Job)+lacking)
		check.Must(t, admin.FunctionFlush(t.Context()).Err())
		err := work(t, h, protocol.Client{Redis: wordcounttest.Connect(t, as), Job: h.Client.Job})
		_, loadErr := protocol.Library.Load(t.Context(), admin)
		check.Must(t, loadErr)
		log, logErr := admin.Do(t.Context(), "ACL", "LOG").Slice()
		check.Must(t, logErr)
		if err == nil && len(log) == 0 {
			return ""
		}
		return fmt.Sprint(err, log)
	}
	if refused := aDay(""); refused != "" {
		t.Fatalf("with all rights: %s", refused)
	}
	connecting := []string{"+hello", "+auth", "+ping", "+client|setname", "+select"} // any client's
	for _, right := range strings.Fields(protocol.WorkerRules(protocol.Job{}))[1:] {
		if slices.Contains(connecting, right) {
			continue
		}
		if refused := aDay(" -" + right[1:]); !strings.Contains(refused, "NOPERM") && !strings.Contains(refused, right[1:]) {
			t.Errorf("without %s nothing is refused: %q", right, refused)
		}
	}
}

// work does once what a worker does, as a user. A step that was refused doesn't end it.
func work(t *testing.T, h *wordcounttest.Job, as protocol.Client) error {
	ctx, rdb, maps := t.Context(), as.Redis, h.Client.Job.StreamKey(protocol.Maps)
	task := protocol.TaskID{Stream: protocol.Maps, Number: 1}
	_, loaded := protocol.Library.Load(ctx, rdb)
	_, looked := as.ReadPhase(ctx)
	_, took := wordcounttest.Take(ctx, as, protocol.Maps, "w", wordcounttest.Tasks)
	_, listed := rdb.XRange(ctx, maps, "1-0", "1-0").Result()
	_, pending := rdb.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: maps, Group: protocol.Group, Start: "-", End: "+", Count: 10}).Result()
	_, heard := rdb.HGet(ctx, h.Client.Job.Key("workers"), "w").Result()
	if errors.Is(heard, redis.Nil) {
		heard = nil
	}
	_, claimed := rdb.XClaim(ctx, &redis.XClaimArgs{Stream: maps, Group: protocol.Group, Consumer: "w", Messages: []string{"1-0"}}).Result()
	_, _, stole := rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: maps, Group: protocol.Group, Consumer: "w", Start: "0-0"}).Result()
	_, began := as.BeginTask(ctx, h.Run, task, "w")
	renewed := as.Renew(ctx, h.Run, "w", protocol.WorkerInfo{}, protocol.Maps, []int{1})
	_, failed := as.Fail(ctx, h.Run, task, "token", 2, protocol.Cause{})
	_, released := as.Release(ctx, h.Run, "w", true)
	_, committed := as.Commit(ctx, h.Run, h.Counted(1, 2, 3))
	outputs, list := as.Outputs(ctx, h.Run)
	var revoked error
	for _, o := range outputs {
		revoked = as.Revoke(ctx, h.Run, o.Name, "host", errors.New("it is gone"))
	}
	again := h.Counted(1, 2, 3)
	_, recommitted := as.Commit(ctx, h.Run, again)
	_, repeated := as.Commit(ctx, h.Run, again)
	_, tookReduce := wordcounttest.Take(ctx, as, protocol.Reduces, "w", 1)
	of := protocol.Totals{Nonce: "attempt", Partitions: []int{0}, Tokens: 6}
	_, behindGap := as.Store(ctx, h.Run, of, 1, []any{1, "one"}, true)
	_, stored := as.Store(ctx, h.Run, of, 0, []any{3, "three", 2, "two", 1, "one"}, true)
	return errors.Join(loaded, looked, took, listed, pending, heard, claimed, stole, began, renewed, failed, released, committed, list,
		revoked, recommitted, repeated, tookReduce, behindGap, stored)
}

// dump is all that Redis has of the job.
func dump(t *testing.T, client protocol.Client) string {
	t.Helper()
	var all strings.Builder
	for _, key := range client.Job.Keys() {
		text, err := client.Redis.Dump(t.Context(), key).Result()
		if !errors.Is(err, redis.Nil) {
			check.Must(t, err)
		}
		fmt.Fprintf(&all, "%s %q\n", key, text)
	}
	return all.String()
}
