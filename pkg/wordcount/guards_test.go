package wordcount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// Each guard of the protocol, one by one. Package mutation takes them out, one by one, and these tests must notice.

// byHand is a job of three tasks, seeded, of which the test makes every call itself.
type byHand struct {
	*rig
	lib  protocol
	run  string
	left chan struct{} // closed when the worker has left
}

const handTasks = 3

func newByHand(t *testing.T, reducers int) *byHand {
	t.Helper()
	return newByHandOn(t, redistest.Start(t), reducers)
}

func newByHandOn(t *testing.T, server *redistest.Server, reducers int) *byHand {
	t.Helper()
	r := newRigOn(t, server, map[string]string{"1": "one", "2": "two two", "3": "three three three"})
	r.prepare(Options{Split: WholeFiles, Reducers: reducers})
	h := &byHand{rig: r, lib: protocol{r.rdb, r.plan.Job}, run: "a run"}
	must(t, r.folder.SetRun(h.lib.job.ID, h.run))
	must(t, r.sup.Seed(t.Context()))
	return h
}

// newReducing is a job whose maps are all committed, and of whose partitions some are taken.
func newReducing(t *testing.T, reducers, taken int) *byHand {
	t.Helper()
	h := newByHand(t, reducers)
	h.take("map", "w", handTasks)
	h.mustCommit(1, 2, 3)
	h.take("reduce", "w", taken)
	return h
}

// take reads new tasks.
func (h *byHand) take(stream, consumer string, n int) (tasks []int) {
	h.tb.Helper()
	w := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: consumer}
	got, err := w.readGroup(h.tb.Context(), []string{stream}, ">", n, -1)
	must(h.tb, err)
	for _, t := range got {
		tasks = append(tasks, t.n)
	}
	return tasks
}

// commits commits tasks as a worker would that counted them.
func (h *byHand) commits(tasks ...int) (standings []string, err error) {
	h.tb.Helper()
	return h.bring(h.brings(tasks...), tasks...)
}

// brings is what a worker brings that has counted tasks.
func (h *byHand) brings(tasks ...int) *sending {
	h.tb.Helper()
	w := h.counted(tasks...)
	s := &sending{tokens: w.tokens, effect: w.tally()}
	for _, n := range tasks {
		s.bytes += h.sup.splits[n-1].Bytes()
	}
	return s
}

func (h *byHand) bring(s *sending, tasks ...int) (standings []string, err error) {
	w := &Worker{Job: h.lib.job, protocol: h.lib, piece: pieceMax}
	return w.bring(h.tb.Context(), h.run, tasks, s)
}

// counted is a worker that has counted tasks.
func (h *byHand) counted(tasks ...int) *Worker {
	h.tb.Helper()
	w := &Worker{Job: h.lib.job, protocol: h.lib, Memory: DefaultWorkerMemory, table: count.New(), piece: pieceMax}
	for _, n := range tasks {
		tokens, err := w.count(h.tb.Context(), h.sup.splits[n-1])
		must(h.tb, err)
		w.tokens += tokens
	}
	return w
}

func (h *byHand) mustCommit(tasks ...int) {
	h.tb.Helper()
	if standings, err := h.commits(tasks...); err != nil || standings != nil {
		h.tb.Fatalf("commit of %v: %v, %v", tasks, standings, err)
	}
}

// finish commits all and stores all partitions.
func (h *byHand) finish() {
	h.tb.Helper()
	h.take("map", "w", handTasks)
	h.mustCommit(1, 2, 3)
	for _, n := range h.take("reduce", "w", h.lib.job.Reducers) {
		h.store(n - 1)
	}
}

func (h *byHand) store(part int) {
	h.tb.Helper()
	w := &Worker{Job: h.lib.job, protocol: h.lib, run: h.run, Memory: DefaultWorkerMemory, chunk: putMax}
	w.todo = []task{{taskID: taskID{"reduce", part + 1}}}
	tasks, ranking, err := w.mergeSome(h.tb.Context())
	must(h.tb, err)
	must(h.tb, w.store(h.tb.Context(), tasks, ranking))
	if w.leases.tasks != 1 {
		h.tb.Fatalf("partition %d was not stored", part)
	}
}

// expect compares the job's state with what a test says of it.
func (h *byHand) expect(what string, ok func(Status) bool) {
	h.tb.Helper()
	st, err := h.lib.status(h.tb.Context())
	must(h.tb, err)
	if !ok(st) {
		h.tb.Errorf("%s, but the job is %+v", what, st)
	}
}

// counts is the sorted set.
func (h *byHand) counts() string {
	h.tb.Helper()
	all, err := h.rdb.ZRevRangeWithScores(h.tb.Context(), h.lib.job.Key("counts"), 0, -1).Result()
	must(h.tb, err)
	var words []string
	for _, z := range all {
		words = append(words, z.Member.(string)+strings.Repeat("+", int(z.Score)))
	}
	return strings.Join(words, " ")
}

const handCounts = "three+++ two++ one+"

func TestABatchThatNamesATaskTwiceIsRefused(t *testing.T) {
	t.Parallel()
	h := newByHand(t, MapOnly)
	h.take("map", "w", 1)
	if standings, err := h.commits(1, 1); err == nil {
		t.Errorf("the standings are %v", standings)
	}
	h.expect("nothing was committed", func(st Status) bool { return st.Mapped == 0 && st.Tokens == 0 && st.Pending() == 1 })
}

func TestABatchIsCommittedAltogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := newByHand(t, MapOnly)
	h.take("map", "w", 2)
	h.mustCommit(1)
	for _, c := range []struct {
		batch []int
		want  []string
	}{
		{[]int{1, 2}, []string{settled, pending}},
		{[]int{2, 3}, []string{pending, undelivered}},
		{[]int{1}, []string{settled}},
	} {
		standings, err := h.commits(c.batch...)
		must(t, err)
		if !slices.Equal(standings, c.want) {
			t.Errorf("the standings of %v are %v, not %v", c.batch, standings, c.want)
		}
	}
	h.expect("only task 1 was committed", func(st Status) bool { return st.Mapped == 1 && st.Tokens == 1 && st.Pending() == 1 })
	if got := h.counts(); got != "one+" {
		t.Errorf("counted: %s", got)
	}
}

func TestACountThatIsNoDecimalNumberIsNotCommitted(t *testing.T) {
	t.Parallel()
	h := newByHand(t, MapOnly)
	h.take("map", "w", 1)
	for _, n := range []any{"inf", "nan", "0x10", "1e3", "-1", "1.5", "", "1000000000000000"} { // Redis would add all but two
		standings, err := h.lib.commit(t.Context(), h.run, []int{1}, 1, 1, effect{attempt: "a", words: []any{"one", 1, "two", n}}, 0, 0)
		if !errors.Is(err, ErrState) {
			t.Errorf("%q: %v, %v", n, standings, err)
		}
	}
	h.expect("nothing was committed", func(st Status) bool { return st.Mapped == 0 && st.Pending() == 1 })
	if got := h.counts(); got != "" {
		t.Errorf("counted: %s", got)
	}
}

func TestAZombieOfAnotherRunReachesNothing(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "zombie", handTasks)
	ctx := t.Context()
	_, err := h.lib.clean(ctx, h.run)
	must(t, err)
	must(t, h.folder.SetRun(h.lib.job.ID, "another run"))
	must(t, h.sup.Seed(ctx))
	h.take("map", "w", handTasks)
	calls := map[string]func() error{
		"commit":    func() error { _, err := h.commits(1, 2, 3); return err },
		"partition": func() error { _, err := h.lib.partition(ctx, h.run, 0); return err },
		"put": func() error {
			_, err := h.lib.put(ctx, h.run, totals{"attempt", []int{0}, 0}, 0, nil, true)
			return err
		},
		"fail":    func() error { _, err := h.lib.fail(ctx, h.run, "map", 1, "token", 1, "error"); return err },
		"renew":   func() error { return h.lib.renew(ctx, h.run, "w", "", "map", []int{1}) },
		"give up": func() error { _, err := h.lib.giveUp(ctx, h.run, "w", false); return err },
		"final":   func() error { _, err := h.lib.final(ctx, h.run, "fence"); return err },
		"clean":   func() error { _, err := h.lib.clean(ctx, h.run); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, errOtherRun) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.expect("nothing was done", func(st Status) bool { return st.Mapped == 0 && st.Pending() == handTasks && st.Buried == 0 })
}

func TestAChunkThatWouldLeaveAGapIsNotAppended(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	_, err := h.lib.clean(ctx, h.run)
	must(t, err)
	for _, c := range []struct{ first, last, top int }{{3, 3, 0}, {1, 1, 1}, {3, 3, 1}, {1, 2, 2}, {2, 3, 3}, {1, 3, 3}} {
		_, top, err := h.lib.seed(ctx, h.run, handTasks, c.first, h.sup.splits[c.first-1:c.last])
		if err != nil || top != c.top {
			t.Errorf("after tasks %d to %d the top is %d, %v; want %d", c.first, c.last, top, err, c.top)
		}
	}
	h.expect("each task is there once", func(st Status) bool { return st.Seeded == handTasks })
	if tasks := h.take("map", "w", 10); !slices.Equal(tasks, []int{1, 2, 3}) {
		t.Errorf("the tasks are %v", tasks)
	}
}

func TestSeedingWithoutMetaBeginsWithNothing(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{MapOnly, 1} {
		h := newByHand(t, reducers)
		h.take("map", "w", 2)
		h.mustCommit(1)
		_, err := h.lib.fail(t.Context(), h.run, "map", 2, "token", 1, "error")
		must(t, err)
		must(t, h.rdb.Del(t.Context(), h.lib.job.Key("meta")).Err())
		must(t, h.sup.Seed(t.Context()))
		h.finish()
		h.expect("the job is done", func(st Status) bool { return st.Phase == "done" && st.Tokens == 6 && st.Buried == 0 })
		if got := h.counts(); got != handCounts {
			t.Errorf("counted: %s", got)
		}
	}
}

func TestPartialCountsAreGivenOutWhileTheirPartitionIsPending(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", handTasks)
	refused := func(when string) {
		t.Helper()
		if blobs, err := h.lib.partition(t.Context(), h.run, 0); !errors.Is(err, errPhase) {
			t.Errorf("%s: %d blobs, %v", when, len(blobs), err)
		}
	}
	h.mustCommit(1, 2)
	refused("not all are there")
	h.mustCommit(3)
	refused("nobody has the partition")
	h.take("reduce", "w", 1)
	if blobs, err := h.lib.partition(t.Context(), h.run, 0); err != nil || len(blobs) != 2 {
		t.Errorf("%d blobs, %v", len(blobs), err)
	}
	h.store(0)
	refused("the partition is stored")
	if n := h.rdb.Exists(t.Context(), h.lib.job.part(0)).Val(); n != 0 {
		t.Error("the partial counts of a stored partition are still there")
	}
}

func TestAPartitionIsStoredOnce(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 2, 1)
	h.store(0)
	h.expect("one is stored", func(st Status) bool { return st.Reduced == 1 && st.Phase == "reduce" && st.Pending() == 0 })
	before := h.counts()
	for part, want := range []string{settled, undelivered} {
		for _, last := range []bool{false, true} {
			now, err := h.lib.put(t.Context(), h.run, totals{"again", []int{part}, 9}, 0, []any{9, "wrong"}, last)
			if err != nil || !slices.Equal(now.standings, []string{want}) {
				t.Errorf("partition %d again: %+v, %v; want %s", part, now, err, want)
			}
		}
	}
	h.expect("one is stored", func(st Status) bool { return st.Reduced == 1 && st.Phase == "reduce" })
	if after := h.counts(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestTotalsOfAnotherRunAreNotStored(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 1, 1)
	mine := h.run
	h.rdb.AddHook(answered("place", 1, func() error {
		_, err := h.lib.clean(t.Context(), mine)
		must(t, err)
		must(t, h.folder.SetRun(h.lib.job.ID, "another run"))
		must(t, h.sup.Seed(t.Context()))
		return nil
	}))
	if now, err := h.lib.put(t.Context(), mine, totals{"a", []int{0}, 9}, 0, []any{9, "wrong"}, true); !errors.Is(err, redis.TxFailedErr) || !passing(err) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := h.counts(); got != "" {
		t.Errorf("the next run found %s", got)
	}
}

func TestPartialCountsJoinOnToWhatTheirAttemptHasBrought(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 2)
	h.take("map", "w", handTasks)
	w := h.counted(1, 2, 3)
	mine, givenUp := w.tally(), h.counted(1, 2, 3).tally()
	if len(mine.partials[0]) == 0 || len(mine.partials[1]) == 0 {
		t.Fatal("a partition has no words")
	}
	commit := func(e effect, from, to int) progress {
		now, err := h.lib.commit(t.Context(), h.run, []int{1, 2, 3}, 6, 1, e, from, to)
		must(t, err)
		return now
	}
	for _, c := range []struct {
		effect         effect
		from, to, want int
		what           string
	}{
		{givenUp, 0, 1, 1, "the first of an attempt that dies"},
		{mine, 1, 2, 0, "the last, before the first"},
		{mine, 0, 1, 1, "the first"},
		{mine, 0, 1, 1, "the same once more, as after a lost reply"},
		{mine, 0, 2, 1, "all of them, though one is there"},
	} {
		if now := commit(c.effect, c.from, c.to); now.done || now.standings != nil || now.at != c.want {
			t.Errorf("%s: %+v, want %d partitions", c.what, now, c.want)
		}
		h.expect("nothing is acknowledged", func(st Status) bool { return st.Mapped == 0 && st.Pending() == handTasks })
	}
	if words, missing, err := Partial(t.Context(), h.rdb, h.lib.job); err != nil || len(words) > 0 || missing != handTasks {
		t.Errorf("committed so far: %v, %d tasks missing, %v", words, missing, err)
	}
	if now := commit(mine, 1, 2); !now.done {
		t.Errorf("the last of them: %+v", now)
	}
	if now := commit(givenUp, 1, 2); !slices.Equal(now.standings, []string{settled, settled, settled}) {
		t.Errorf("the last of the attempt that died: %+v", now)
	}
	for _, n := range h.take("reduce", "w", 2) {
		h.store(n - 1)
	}
	if got := h.counts(); got != handCounts {
		t.Errorf("counted: %s", got)
	}
}

func TestPartialCountsBearTheNameOfTheirAttempt(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", handTasks)
	w := h.counted(1)
	first := w.tally()
	w.empty()
	w.table.Add([]byte("one"), 1)
	if second := w.tally(); second.attempt == first.attempt {
		t.Errorf("two commits are the attempt %s", first.attempt)
	}
	for what, e := range map[string]effect{
		"no attempt":      {"", nil, first.partials},
		"another attempt": {newNonce(), nil, first.partials},
	} {
		if now, err := h.lib.commit(t.Context(), h.run, []int{1}, 1, 1, e, 0, 1); !errors.Is(err, ErrState) {
			t.Errorf("%s: %+v, %v", what, now, err)
		}
	}
	h.expect("nothing is acknowledged", func(st Status) bool { return st.Mapped == 0 })
}

func TestTotalsJoinOnToWhatTheirAttemptHasStored(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 1, 1)
	put := func(attempt string, from int, last bool, words ...any) progress {
		now, err := h.lib.put(t.Context(), h.run, totals{attempt, []int{0}, 6}, from, words, last)
		must(t, err)
		return now
	}
	for _, c := range []struct {
		attempt     string
		from        int
		last        bool
		words       []any
		want        int
		what, found string
	}{
		{"given up", 0, false, []any{3, "three"}, 1, "the first words of an attempt that dies", "three+++"},
		{"a", 0, false, []any{3, "three"}, 1, "the first words of another", "three+++"},
		{"a", 0, false, []any{9, "repeated"}, 1, "the same once more, as after a lost reply", "three+++"},
		{"a", 2, false, []any{9, "gap"}, 1, "what would leave a gap", "three+++"},
		{"a", 2, true, []any{9, "gap"}, 1, "the last words, behind a gap", "three+++"},
		{"rolled back", 2, true, []any{9, "gone"}, 0, "the last words of an attempt of which nothing is there any more", "three+++"},
		{"a", 1, false, []any{2, "two"}, 2, "the next words", "three+++ two++"},
	} {
		if now := put(c.attempt, c.from, c.last, c.words...); now.done || now.standings != nil || now.at != c.want {
			t.Errorf("%s: %+v, want %d words", c.what, now, c.want)
		}
		if got := h.counts(); got != c.found {
			t.Errorf("%s: stored are %s", c.what, got)
		}
	}
	// It isn't enough to have asked before: the function itself holds to it.
	for _, last := range []bool{false, true} {
		now, err := parseProgress(h.lib.call(t.Context(), "put", h.lib.job.Keys(), h.run, "a", 1, 0, 3, 1, last, 6))
		if err != nil || now.done || now.at != 2 {
			t.Errorf("behind a gap, last %v: %+v, %v", last, now, err)
		}
	}
	h.expect("nothing is acknowledged", func(st Status) bool { return st.Reduced == 0 && st.Pending() == 1 })
	if now := put("a", 2, true, 1, "one"); !now.done {
		t.Errorf("the last words: %+v", now)
	}
	h.expect("all is stored", func(st Status) bool { return st.Reduced == 1 && st.Phase == "done" && st.Pending() == 0 })
	if got := h.counts(); got != handCounts {
		t.Errorf("stored: %s", got)
	}
	for field := range h.rdb.HGetAll(t.Context(), h.lib.job.Key("meta")).Val() {
		if strings.HasPrefix(field, "storing") {
			t.Errorf("%s was left behind", field)
		}
	}
}

func TestPartialCountsTakeWhatIsStoredFromThere(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 2, 2)
	for part := range 2 {
		h.store(part)
		// Of a partition that isn't stored yet some totals may be there already.
		must(t, h.rdb.ZAdd(t.Context(), h.lib.job.Key("counts"), redis.Z{Member: "three", Score: 3}, redis.Z{Member: "two", Score: 2}).Err())
		words, missing, err := Partial(t.Context(), h.rdb, h.lib.job)
		if want := []count.Entry{{Word: "three", N: 3}, {Word: "two", N: 2}, {Word: "one", N: 1}}; err != nil || missing != 0 || !slices.Equal(words, want) {
			t.Errorf("partition %d is stored: %v, %d missing, %v", part, words, missing, err)
		}
	}
}

func TestPartitionsAreStoredTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 3, 2)
	h.store(0)
	before := h.counts()
	for _, last := range []bool{false, true} {
		now, err := h.lib.put(t.Context(), h.run, totals{"a", []int{0, 1, 2}, 9}, 0, []any{9, "wrong"}, last)
		if want := []string{settled, pending, undelivered}; err != nil || !slices.Equal(now.standings, want) {
			t.Errorf("%+v, %v; want %v", now, err, want)
		}
	}
	for _, parts := range [][]int{{1, 1}, {2, 1}, {1, 3}, {}} {
		if _, err := h.lib.put(t.Context(), h.run, totals{"a", parts, 9}, 0, []any{9, "wrong"}, true); !errors.Is(err, ErrState) {
			t.Errorf("partitions %v: %v", parts, err)
		}
	}
	h.expect("one is stored", func(st Status) bool { return st.Reduced == 1 && st.Pending() == 1 })
	if after := h.counts(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// Between two commands there could be a rollback, and what they read or write would be of two histories.
func TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", handTasks)
	h.mustCommit(1)
	h.mustCommit(2, 3)
	h.take("reduce", "w", 1)
	proxy := newProxy(t, h.server.Addr, func(string, bool) bool { return false })
	endpoint := h.server.Given()
	endpoint.URL = "redis://" + proxy.addr() + "/0"
	rdb, err := endpoint.Client("counted")
	must(t, err)
	defer rdb.Close()
	h.lib.rdb = rdb
	must(t, rdb.Ping(t.Context()).Err())
	for _, c := range []struct {
		what string
		do   func()
		want []string
	}{
		{"a reduce", func() { h.store(0) }, []string{
			"multi.1", "partition.1", "hgetall.1", "lrange.1", "exec.1", "watch.1", "place.1", "multi.2", "zadd.1", "put.1", "exec.2"}},
		{"a clean", func() {
			if n, err := h.lib.clean(t.Context(), h.run); err != nil || n < 4 {
				t.Errorf("%d keys were deleted, %v", n, err)
			}
		}, []string{"clean.1"}},
	} {
		before := len(proxy.points())
		c.do()
		got := slices.DeleteFunc(proxy.points()[before:], func(point string) bool { // a connection that the pool needed
			return strings.HasPrefix(point, "hello.") || strings.HasPrefix(point, "client-setname.")
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s is %v, not %v", c.what, got, c.want)
		}
	}
}

func TestAJobThatIsNotDoneHasNoResult(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", handTasks)
	for _, next := range []func(){
		func() { h.mustCommit(1, 2, 3) },
		func() { h.take("reduce", "w", 1); h.store(0) },
	} {
		if _, err := h.lib.final(t.Context(), h.run, "fence"); !errors.Is(err, errPhase) {
			t.Errorf("final: %v", err)
		}
		next()
	}
	if _, err := h.lib.final(t.Context(), h.run, "fence"); err != nil {
		t.Errorf("final: %v", err)
	}
}

func TestAResultIsReadUnderItsFenceAlone(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	ctx := t.Context()
	for _, nonce := range []string{"first", "second"} {
		if end, err := h.lib.final(ctx, h.run, nonce); end.fence != "first" || err != nil {
			t.Errorf("the fence that stands is %q, %v", end.fence, err)
		}
	}
	calls := map[string]func(fence string) error{
		"result":  func(fence string) error { _, err := h.lib.result(ctx, fence, 0, 10); return err },
		"sum":     func(fence string) error { _, _, err := h.lib.sum(ctx, fence, 0, 10); return err },
		"release": func(fence string) error { return h.lib.release(ctx, fence) },
		"discard": func(fence string) error { return h.lib.discard(ctx, fence, 3600) },
	}
	for _, name := range []string{"result", "sum", "release", "discard"} {
		for _, fence := range []string{"second", ""} {
			if err := calls[name](fence); !errors.Is(err, ErrNoResult) {
				t.Errorf("%s under the fence %q: %v", name, fence, err)
			}
		}
	}
	if ttl := h.rdb.TTL(ctx, h.lib.job.Key("counts")).Val(); ttl != -1 {
		t.Errorf("the counts expire in %v", ttl)
	}
	h.expect("nobody is released", func(st Status) bool { return !st.Released })
	for _, name := range []string{"result", "sum", "release", "discard"} {
		if err := calls[name]("first"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABuriedTaskIsNotADoneOne(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{MapOnly, 1} {
		h := newByHand(t, reducers)
		h.take("map", "w", handTasks)
		standing, err := h.lib.fail(t.Context(), h.run, "map", 2, "token", 1, "error")
		if err != nil || standing != "buried" {
			t.Fatalf("fail: %s, %v", standing, err)
		}
		h.mustCommit(1, 3)
		h.expect("a task is missing", func(st Status) bool { return st.Phase == "map" && st.Mapped == 2 && st.Buried == 1 })
	}
}

func TestAHeartbeatRenewsOnlyWhatIsStillOwned(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "sleeper", 2)
	thief := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: "thief", phase: "map"}
	if stolen, err := thief.expired(t.Context()); err != nil || len(stolen) != 2 {
		t.Fatalf("stolen: %v, %v", stolen, err)
	}
	must(t, h.lib.renew(t.Context(), h.run, "sleeper", "", "map", []int{1, 2}))
	h.expect("the thief has them", func(st Status) bool { return st.PendingMaps["thief"] == 2 })
	if n, err := h.lib.giveUp(t.Context(), h.run, "sleeper", false); err != nil || n != 0 {
		t.Errorf("the sleeper gave up %d tasks, %v", n, err)
	}
}

func TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w0", handTasks)
	holder := "w0"
	// pass hands all tasks on to the next worker, which begins with some of them.
	pass := func(begun ...int) {
		thief := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: holder + "'", phase: "map"}
		if stolen, err := thief.expired(t.Context()); err != nil || len(stolen) != handTasks {
			t.Fatalf("stolen: %v, %v", stolen, err)
		}
		holder = thief.Consumer
		for _, n := range begun {
			_, err := h.lib.attempt(t.Context(), h.run, taskID{"map", n}, holder)
			must(t, err)
		}
	}
	end := func(died bool) {
		n, err := h.lib.giveUp(t.Context(), h.run, holder, died)
		if err != nil || n != handTasks {
			t.Fatalf("%d tasks were given up, %v", n, err)
		}
	}
	for _, c := range []struct {
		what string
		do   func()
		want []int
	}{
		{"a death, anything may have been in the table", func() { end(true) }, []int{1, 1, 1}},
		{"the same death, told again", func() { end(true) }, []int{1, 1, 1}},
		{"a worker that left in good order", func() { pass(1, 2, 3); end(false) }, []int{1, 1, 1}},
		{"and was told to have died all the same", func() { end(true) }, []int{1, 1, 1}},
		{"one that nobody saw end, again and again", func() {
			for range deathLimit {
				pass(1, 2, 3)
			}
		}, []int{1, 1, 1}},
		{"a second death", func() { pass(); end(true) }, []int{2, 2, 2}},
		{"now they run alone, and one had begun", func() { pass(2); end(true) }, []int{2, 3, 2}},
		{"the one before failed in good order", func() {
			pass(3)
			standing, err := h.lib.fail(t.Context(), h.run, "map", 3, "token", 2, "error")
			if err != nil || standing != "failed" {
				t.Fatalf("fail: %s, %v", standing, err)
			}
			_, err = h.lib.attempt(t.Context(), h.run, taskID{"map", 1}, holder)
			must(t, err)
			end(true)
		}, []int{3, 3, 2}},
	} {
		c.do()
		var deaths []int
		for n := range handTasks {
			d, err := h.rdb.HGet(t.Context(), h.lib.job.Key("attempts"), fmt.Sprintf("map %d deaths", n+1)).Int()
			must(t, err)
			deaths = append(deaths, d)
		}
		if !slices.Equal(deaths, c.want) {
			t.Errorf("%s: %v deaths, not %v", c.what, deaths, c.want)
		}
	}
}

func TestErrorsAndDeathsOfATaskAreCountedApart(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	// life is one worker's: it takes what is there, looks up what became of those before it, and meets errors.
	life := func(name string, errs int) *Worker {
		w := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: name, protocol: h.lib, run: h.run, phase: "map", table: count.New()}
		stolen, err := w.expired(t.Context())
		must(t, err)
		if w.take(stolen, true) == 0 {
			fresh, err := w.readGroup(t.Context(), []string{"map"}, ">", 1, -1)
			must(t, err)
			w.take(fresh, false)
		}
		if len(w.todo) != 1 {
			t.Fatalf("%s has %v", name, w.todo)
		}
		if w.todo[0].stolen {
			must(t, w.examine(t.Context()))
		}
		for range errs {
			must(t, w.failed(t.Context(), w.todo[0], errors.New("an error")))
		}
		return w
	}
	graves := 0
	for i, c := range []struct {
		errors, deaths int
		buried         bool
	}{
		{errorLimit - 1, deathLimit - 1, false}, // together more than either limit
		{errorLimit, 0, true},
		{errorLimit - 1, deathLimit, true},
	} {
		w := life(fmt.Sprintf("%d", i), c.errors)
		for n := range c.deaths {
			_, err := h.lib.giveUp(t.Context(), h.run, w.Consumer, true)
			must(t, err)
			w = life(fmt.Sprintf("%d after %d", i, n+1), 0)
		}
		if c.buried {
			graves++
		}
		if buried := len(w.todo) == 0; buried != c.buried {
			t.Errorf("after %d errors and %d deaths it is %v that the task was buried", c.errors, c.deaths, buried)
		}
		h.expect(fmt.Sprintf("%d tasks were buried", graves), func(st Status) bool { return st.Buried == graves })
		if !c.buried {
			h.mustCommit(i + 1)
		}
	}
}

func TestATaskThatIsTakenOverCountsOnce(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", handTasks)
	attempt := func(task int, by string) {
		_, err := h.lib.attempt(t.Context(), h.run, taskID{"map", task}, by)
		must(t, err)
	}
	leave := func(consumer string, died bool) {
		_, err := h.lib.giveUp(t.Context(), h.run, consumer, died)
		must(t, err)
	}
	steal := func(by string) {
		thief := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: by, phase: "map"}
		if stolen, err := thief.expired(t.Context()); err != nil || len(stolen) != handTasks {
			t.Fatalf("stolen: %v, %v", stolen, err)
		}
	}
	for _, c := range []struct {
		what string
		do   func()
		want int
	}{
		{"a death alone", func() { leave("w", true) }, 0},
		{"two of the tasks are begun again", func() { steal("heir"); attempt(1, "heir"); attempt(2, "heir") }, 2},
		{"one of them by one more", func() { leave("heir", true); steal("heir's heir"); attempt(1, "heir's heir") }, 2},
		{"what was given back in good order is nobody's loss", func() {
			leave("heir's heir", false)
			steal("new one")
			attempt(1, "new one")
			attempt(3, "new one")
		}, 2},
		{"and once more lost", func() { leave("new one", true); steal("last one"); attempt(3, "last one") }, 3},
	} {
		c.do()
		if n := h.status().Taken; n != c.want {
			t.Errorf("%s: %d tasks were taken over, not %d", c.what, n, c.want)
		}
	}
}

func TestAReduceThatRunsAloneIsBegunAlone(t *testing.T) {
	t.Parallel()
	const parts = 3
	h := newByHand(t, parts)
	h.take("map", "w", handTasks)
	h.mustCommit(1, 2, 3)
	h.take("reduce", "w", parts)
	w := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: "w", phase: "reduce"}
	for range aloneFrom {
		_, err := w.expired(t.Context())
		must(t, err)
		_, err = h.lib.giveUp(t.Context(), h.run, "w", true)
		must(t, err)
	}
	heir := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: "heir", protocol: h.lib, run: h.run, phase: "reduce",
		table: count.New(), chunk: putMax, Memory: DefaultWorkerMemory}
	stolen, err := heir.expired(t.Context())
	must(t, err)
	heir.take(stolen, true)
	for left := len(stolen); left > 0; left-- {
		must(t, heir.reduce(t.Context())) // examines
		begun := h.rdb.HVals(t.Context(), h.lib.job.Key("attempts")).Val()
		begun = slices.DeleteFunc(begun, func(by string) bool { return by != "heir" })
		if n := len(stolen) - left + 1; len(begun) != n {
			t.Errorf("%d partitions were begun when %d should be", len(begun), n)
		}
		must(t, heir.reduce(t.Context())) // stores
		if len(heir.todo) != left-1 {
			t.Errorf("%d partitions are left of %d", len(heir.todo), left)
		}
	}
}

func TestNothingIsWrittenWhereAKeyHasAnotherType(t *testing.T) {
	t.Parallel()
	h := newByHand(t, MapOnly)
	h.take("map", "w", handTasks)
	must(t, h.rdb.Set(t.Context(), h.lib.job.Key("counts"), "somebody else's", 0).Err())
	if _, err := h.commits(1); !errors.Is(err, ErrState) {
		t.Errorf("commit: %v", err)
	}
	must(t, h.rdb.Del(t.Context(), h.lib.job.Key("counts")).Err())
	h.expect("nothing was committed", func(st Status) bool { return st.Mapped == 0 && st.Pending() == handTasks })
}

func TestARunThatTheFolderDoesNotKnowIsWiped(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	must(t, h.folder.SetRun(h.lib.job.ID, "another run"))
	must(t, h.sup.Seed(t.Context()))
	h.expect("it is counted anew", func(st Status) bool {
		return st.Run == "another run" && st.Mapped == 0 && st.Seeded == handTasks && st.Phase == "map"
	})
}

// worker runs a worker until the test ends.
func (h *byHand) worker(lease time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	h.left = make(chan struct{})
	go func() {
		defer close(h.left)
		w := &Worker{Redis: h.rdb, Job: h.lib.job, Consumer: "worker", Lease: lease}
		if err := w.Run(ctx); err != nil {
			h.tb.Error(err)
		}
	}()
	h.tb.Cleanup(func() { stop(); <-h.left })
}

// watch waits until the job is as wanted, which it never is if the worker leaves.
func (h *byHand) watch(wanted func(Status) bool) {
	h.tb.Helper()
	ctx, cancel := context.WithTimeoutCause(h.tb.Context(), 30*time.Second, errors.New("nothing comes of it"))
	defer cancel()
	_, err := h.sup.Watch(ctx, func(st Status) bool {
		select {
		case <-h.left:
			h.tb.Fatalf("the worker left a job in state %+v", st)
		default:
		}
		return wanted(st)
	})
	must(h.tb, err)
}

func TestAWorkerWithNothingToDoStaysUntilTheJobIsSealed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	_, err := h.lib.clean(ctx, h.run)
	must(t, err)
	_, _, err = h.lib.seed(ctx, h.run, handTasks, 1, h.sup.splits[:1])
	must(t, err)
	h.worker(DefaultLease)
	// It waits for a new task only after it has looked round, with nothing pending any more.
	for waits := false; !waits; {
		select {
		case <-h.left:
			t.Fatal("the worker left")
		default:
		}
		st, err := h.lib.status(ctx)
		must(t, err)
		waits = st.Mapped == 1 && strings.Contains(h.rdb.ClientList(ctx).Val(), "cmd=xreadgroup")
	}
	must(t, h.sup.Seed(ctx))
	h.watch(func(st Status) bool { return st.Phase == "done" })
}

func TestAWorkerTakesOverWhatOthersLeft(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{MapOnly, 1} { // with reducers, backups of stragglers might do it for maps
		h := newByHand(t, reducers)
		h.take("map", "dead", handTasks)
		if reducers > 0 {
			h.mustCommit(1, 2, 3)
			h.take("reduce", "dead", 1)
		}
		h.worker(100 * time.Millisecond)
		h.watch(func(st Status) bool { return st.Phase == "done" })
		if got := h.counts(); got != handCounts {
			t.Errorf("counted: %s", got)
		}
	}
}

func TestWhatAFailedSplitHasSpoiltIsCountedAnew(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{MapOnly, 1} {
		h := newByHand(t, reducers)
		ctx := t.Context()
		w := h.mapping("w")
		path := filepath.Join(h.input, "2")
		info, err := os.Stat(path)
		must(t, err)
		change := func() { // once it is open, so that it is counted before it is compared again
			if w.todo[0].n == 2 {
				must(t, os.WriteFile(path, []byte("4ou 4ou"), 0o644))
				must(t, os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second)))
			}
		}
		count := func() {
			for len(w.todo) > 0 {
				must(t, w.step(ctx, meddling{ctx, func() { change() }}))
			}
			must(t, w.commitHeld(ctx))
		}
		tasks, err := w.readGroup(ctx, []string{"map"}, ">", handTasks, -1)
		must(t, err)
		w.take(tasks, false)
		count()
		h.expect("the changed one is buried", func(st Status) bool { return st.Mapped == 2 && st.Buried == 1 })
		must(t, os.WriteFile(path, []byte("two two"), 0o644))
		must(t, os.Chtimes(path, time.Time{}, info.ModTime()))
		change = func() {}
		_, err = h.lib.requeue(ctx, h.run)
		must(t, err)
		again, err := w.expired(ctx)
		must(t, err)
		w.take(again, true)
		count()
		for range reducers {
			h.store(h.take("reduce", "w", 1)[0] - 1)
		}
		if got := h.counts(); got != handCounts {
			t.Errorf("counted: %s", got)
		}
	}
}

func TestWhatARefusedBatchHasLeftIsCountedAnew(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	w := h.holding(2)
	h.mustCommit(1) // somebody else is faster with one of the two
	must(t, w.commitHeld(ctx))
	for range 10 {
		if len(w.todo) > 0 {
			must(t, w.step(ctx, ctx))
		}
	}
	h.expect("each is counted once", func(st Status) bool { return st.Mapped == 2 && st.Tokens == 3 })
}

func TestWhatARollbackTookFromARefusedBatchIsForgotten(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	w := h.holding(2)
	// As a snapshot from before the delivery has it.
	stream := h.lib.job.Key("map")
	must(t, h.rdb.XGroupDestroy(ctx, stream, "workers").Err())
	must(t, h.rdb.XGroupCreate(ctx, stream, "workers", "0").Err())
	must(t, w.commitHeld(ctx))
	if len(w.todo) > 0 || w.sent != nil {
		t.Errorf("it keeps %v", w.todo)
	}
	// They come again, to it as to anyone.
	if again, err := w.readGroup(ctx, []string{"map"}, ">", 2, -1); err != nil || w.take(again, false) != 2 {
		t.Errorf("of %v only some are new to it, %v", again, err)
	}
}

func TestAWorkerHasOneCommitUnderWayAtATime(t *testing.T) {
	t.Parallel()
	for what, more := range map[string]func(*Worker, context.Context) error{
		"one that is due":      func(w *Worker, ctx context.Context) error { return w.step(ctx, ctx) },
		"the last before idle": (*Worker).commitHeld,
	} {
		t.Run(what, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{}) // outside, for it looks names up
			defer rdb.Close()
			synctest.Test(t, func(t *testing.T) {
				begun, answer := 0, make(chan struct{})
				rdb.AddHook(hook(func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
					begun++
					<-answer
					cmd.(*redis.Cmd).SetVal([]any{"committed"})
					return nil
				}))
				job := Job{ID: "job", Reducers: 1}
				w := &Worker{Job: job, Memory: DefaultWorkerMemory, protocol: protocol{rdb, job}, run: "a run", table: count.New()}
				hold := func(n int) {
					w.table.Add([]byte("word"), 1)
					w.held = append(w.held, task{taskID: taskID{"map", n}})
				}
				hold(1)
				must(t, w.step(t.Context(), t.Context()))
				hold(2)
				done := make(chan error)
				go func() { done <- more(w, t.Context()) }()
				synctest.Wait() // both the commit and the worker wait for the answer
				if begun != 1 {
					t.Errorf("%d commits are under way", begun)
				}
				close(answer)
				must(t, <-done)
				must(t, w.land(t.Context()))
				if w.leases.tasks != 2 {
					t.Errorf("%d tasks are committed", w.leases.tasks)
				}
			})
		})
	}
}

func TestAFileThatChangedWhileItWasCountedIsNoticedThoughItChangedBack(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	path := filepath.Join(h.input, "2")
	info, err := os.Stat(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte("4ou 4ou"), 0o644))
	h.worker(DefaultLease)
	h.watch(over)
	must(t, os.WriteFile(path, []byte("two two"), 0o644))
	must(t, os.Chtimes(path, time.Time{}, info.ModTime()))
	if sealed, err := h.sup.Seal(t.Context()); !errors.Is(err, ErrIncomplete) {
		t.Errorf("sealed %+v, %v", sealed, err)
	}
}

// meddling does something as soon as a worker that has opened a file asks whether it may read it.
type meddling struct {
	context.Context
	do func()
}

func (m meddling) Err() error {
	m.do()
	return m.Context.Err()
}

func TestAFileThatChangesWhileItIsCountedIsNoticed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	split := h.sup.splits[1]
	touch := func() { must(t, os.Chtimes(split.Path, time.Time{}, time.Unix(1, 0))) }
	w := h.mapping("w")
	if _, err := w.count(meddling{t.Context(), touch}, split); !errors.Is(err, errChanged) {
		t.Errorf("counted with %v", err)
	}
}

func TestAFileThatChangedAfterItWasCountedIsNoticed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	must(t, os.WriteFile(filepath.Join(h.input, "2"), []byte("4ou 4ou"), 0o644))
	if sealed, err := h.sup.Seal(t.Context()); !errors.Is(err, ErrIncomplete) {
		t.Errorf("sealed %+v, %v", sealed, err)
	}
}

func TestACheckpointThatWasUnderWayIsNotEnough(t *testing.T) {
	t.Parallel()
	h := newByHand(t, MapOnly)
	ctx := t.Context()
	h.take("map", "w", handTasks)
	must(t, h.rdb.ConfigSet(ctx, "rdb-key-save-delay", "100000").Err()) // microseconds a key
	must(t, h.rdb.BgSave(ctx).Err())
	must(t, h.rdb.ConfigSet(ctx, "rdb-key-save-delay", "0").Err()) // the child keeps its own
	h.mustCommit(1, 2, 3)
	must(t, h.sup.Checkpoint(ctx))
	h.server.Kill(t)
	h.server.Start(t)
	h.expect("the commit is not saved", func(st Status) bool { return st.Mapped == handTasks })
}

func TestAJobWhoseMetaVanishesIsCountedAnew(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", 1)
	h.worker(DefaultLease)
	h.watch(func(st Status) bool { return st.Mapped >= 2 }) // the third, too, if it was taken for late
	must(t, h.rdb.Del(t.Context(), h.lib.job.Key("meta")).Err())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sealed, err := h.sup.Seal(ctx)
	must(t, err)
	h.check(sealed)
}

// A restart may bring back the checkpoint of an earlier run, which was sealed, and its release with it.
func TestWorkersThatAnEarlierRunReleasedComeBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	o := Options{Reducers: 2}
	r.exact(o)
	must(t, r.folder.Forget(r.plan.Job.ID))
	r.prepare(o)
	ctx, fail := context.WithCancelCause(t.Context())
	defer fail(nil)
	r.team.Fail = fail
	var err error
	r.team.Trust, err = r.folder.Trust(r.plan.Job.ID, r.sup.splits)
	must(t, err)
	must(t, r.team.Start(ctx))
	defer r.team.Stop()
	first := r.team.PIDs()
	for left := false; !left; {
		now := r.team.PIDs()
		left = !slices.ContainsFunc(first, func(pid int) bool { return slices.Contains(now, pid) })
	}
	must(t, r.sup.Seed(ctx))
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	sealed, err := r.sup.Seal(ctx)
	must(t, err)
	r.check(sealed)
}

func TestASeedForAJobOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 2)
	fewer := protocol{h.rdb, Job{ID: h.lib.job.ID, Reducers: 1}}
	_, _, ofMaps := h.lib.seed(t.Context(), h.run, handTasks+1, 1, nil)
	_, _, ofReducers := fewer.seed(t.Context(), h.run, handTasks, 1, nil)
	for what, err := range map[string]error{"one more task": ofMaps, "fewer partitions": ofReducers} {
		if !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.expect("it is as it was", func(st Status) bool { return st.Maps == handTasks && st.Reducers == 2 && st.Seeded == handTasks })
}

func TestAJobThatLostAStreamIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"map", "reduce"} {
		h := newByHand(t, 1)
		key := h.lib.job.Key(stream)
		must(t, h.rdb.Del(t.Context(), key).Err())
		if err := h.sup.Seed(t.Context()); !errors.Is(err, ErrState) {
			t.Errorf("without its stream %s: %v", stream, err)
		}
		if h.rdb.Exists(t.Context(), key).Val() != 0 {
			t.Errorf("the stream %s was begun anew", stream)
		}
	}
}

func TestAJobOfAnotherSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newByHand(t, MapOnly)
	h.take("map", "w", handTasks)
	must(t, h.rdb.HSet(t.Context(), h.lib.job.Key("meta"), "schema", "0").Err())
	if err := h.sup.Seed(t.Context()); !errors.Is(err, ErrState) {
		t.Errorf("seeded, %v", err)
	}
	if standings, err := h.commits(1); !errors.Is(err, ErrState) {
		t.Errorf("committed, %v, %v", standings, err)
	}
}

func TestAnErrorIsCountedOnceForEachAttempt(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.take("map", "w", 1)
	for _, c := range []struct{ token, want string }{{"a", "failed"}, {"a", "failed"}, {"a", "failed"}, {"b", "buried"}, {"b", settled}} {
		standing, err := h.lib.fail(t.Context(), h.run, "map", 1, c.token, 2, "error")
		if err != nil || standing != c.want {
			t.Errorf("attempt %s: %s, %v; want %s", c.token, standing, err, c.want)
		}
	}
}

func TestASealedResultOutlivesACrashRightAfterTheSeal(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	h.rdb.AddHook(on("release", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error {
		h.server.Kill(t)
		return errLost
	}))
	sealed, err := h.sup.Seal(t.Context())
	must(t, err)
	h.server.Start(t)
	if again, fresh, err := h.sup.UpToDate(t.Context()); !fresh || err != nil || again.Fence != sealed.Fence {
		t.Errorf("the result that was sealed is gone: %+v, %v", again, err)
	}
}

func TestAResultThatLacksABuriedTaskIsNotFenced(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	must(t, h.rdb.HSet(t.Context(), h.lib.job.Key("dead"), "map 2", "error").Err())
	if end, err := h.lib.final(t.Context(), h.run, "fence"); !errors.Is(err, ErrState) {
		t.Errorf("fenced by %q, %v", end.fence, err)
	}
}

// mapping is a worker in the middle of the maps, that makes its steps when the test says so.
func (h *byHand) mapping(consumer string) *Worker {
	return &Worker{
		Redis: h.rdb, Job: h.lib.job, Consumer: consumer, Lease: DefaultLease, Memory: DefaultWorkerMemory,
		protocol: h.lib, run: h.run, phase: "map", table: count.New(), batch: 1, chunk: putMax,
	}
}

// holding is a worker that has counted so many new tasks and committed none.
func (h *byHand) holding(n int) *Worker {
	h.tb.Helper()
	ctx := h.tb.Context()
	w := h.mapping("w")
	tasks, err := w.readGroup(ctx, []string{"map"}, ">", n, -1)
	must(h.tb, err)
	w.take(tasks, false)
	for range tasks {
		must(h.tb, w.mapSplit(ctx, ctx, w.todo[0]))
	}
	return w
}

func TestATaskThatIsDeliveredAgainIsCountedOnce(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	w := h.mapping("w")
	tasks, err := w.readGroup(ctx, []string{"map"}, ">", 2, -1)
	must(t, err)
	w.take(tasks, false)
	must(t, w.mapSplit(ctx, ctx, w.todo[0])) // one is in the table, the other on the list
	if n, err := w.reread(ctx); err != nil || n != 0 {
		t.Errorf("%d of its own tasks are new to it, %v", n, err)
	}
	for range len(w.todo) {
		must(t, w.mapSplit(ctx, ctx, w.todo[0]))
	}
	must(t, w.commitHeld(ctx))
	h.expect("each is counted once", func(st Status) bool { return st.Mapped == 2 && st.Tokens == 3 && st.Pending() == 0 })
}

func TestAMapThatMayHaveKilledItsWorkersRunsAlone(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	heir := h.mapping("heir")
	fresh, err := heir.readGroup(ctx, []string{"map"}, ">", 1, -1)
	must(t, err)
	heir.take(fresh, false)
	must(t, heir.mapSplit(ctx, ctx, heir.todo[0]))
	h.take("map", "w", 2)
	for range aloneFrom {
		_, err := h.lib.giveUp(ctx, h.run, "w", true)
		must(t, err)
		// Whoever takes them next dies of them too.
		w := h.mapping("w")
		if stolen, err := w.expired(ctx); err != nil || len(stolen) != 2 {
			t.Fatalf("stolen: %v, %v", stolen, err)
		}
	}
	_, err = h.lib.giveUp(ctx, h.run, "w", false)
	must(t, err)
	stolen, err := heir.expired(ctx)
	must(t, err)
	heir.take(stolen, true)
	for mapped := 0; len(heir.todo) > 0; {
		must(t, heir.step(ctx, ctx))
		now := h.status().Mapped
		if now > mapped+1 || mapped > 0 && len(heir.held) > 0 {
			t.Errorf("%d tasks are committed, after %d, and %d held", now, mapped, len(heir.held))
		}
		mapped = now
	}
	h.expect("all are counted", func(st Status) bool { return st.Mapped == handTasks && st.Tokens == 6 })
}

func TestAFenceThatIsLostAfterTheResultWasReadIsNoticed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	before := h.server.Checkpoint(t) // done, and not fenced
	// The second sum says that this was all. What comes then and is durable lacks the fence, and is complete all the same.
	h.rdb.AddHook(answered("sum", 2, func() error {
		h.server.Restore(t, before)
		return nil
	}))
	h.sup.Durability = None // or the checkpoint would notice the restart
	sealed, err := h.sup.Seal(t.Context())
	must(t, err)
	h.check(sealed)
	h.expect("the fence that stands is the result's", func(st Status) bool { return st.Final == sealed.Fence && st.Released })
}

// The server's clock may stand still, or go back: by it no lease has run out here.
func TestWhoIsSilentByTheThiefsOwnClockIsRobbed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	h.take("map", "owner", 2)
	beat := func(about string) { must(t, h.lib.renew(ctx, h.run, "owner", about, "map", []int{1, 2})) }
	thief := h.mapping("thief")
	for _, c := range []struct {
		what   string
		before func()
		want   int
	}{
		{"an owner that is seen for the first time", func() { beat("1") }, 0},
		{"one that has spoken since, if long ago", func() {
			thief.seen["owner"] = sighting{"1", time.Now().Add(-2 * thief.Lease)}
			beat("2")
		}, 0},
		{"one that has spoken less than a lease ago", func() {}, 0},
		{"one that hasn't spoken for a lease", func() {
			thief.seen["owner"] = sighting{"2", time.Now().Add(-2 * thief.Lease)}
		}, 2},
	} {
		c.before()
		if n, err := thief.rob(ctx); err != nil || n != c.want {
			t.Errorf("%s is robbed of %d tasks, not %d, %v", c.what, n, c.want, err)
		}
	}
}

func TestAWorkerStaysWithTheRunThatItReadFirst(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	w := h.mapping("w")
	must(t, w.look(ctx))
	_, err := h.lib.clean(ctx, h.run)
	must(t, err)
	must(t, h.folder.SetRun(h.lib.job.ID, "another run"))
	must(t, h.sup.Seed(ctx))
	if err := w.look(ctx); !errors.Is(err, errOtherRun) || w.run != h.run {
		t.Errorf("it is with run %s, %v", w.run, err)
	}
}

func TestAWorkerThatFindsNoTaskLooksAtTheJobAgain(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	w := h.mapping("w")
	h.take("map", "other", handTasks)
	h.mustCommit(1, 2, 3)
	must(t, w.fetch(t.Context()))
	if w.phase != "reduce" {
		t.Errorf("it thinks that the job is in phase %s", w.phase)
	}
}

// duplicate lets another attempt have committed a task that is committed.
func (h *byHand) duplicate(task int) {
	h.tb.Helper()
	must(h.tb, h.rdb.HSet(h.tb.Context(), h.lib.job.Key("commits"), "another", fmt.Sprint("committed ", task)).Err())
}

func TestNothingIsReducedOfCommitsThatDoNotCoverTheJob(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 1, 1)
	h.duplicate(2)
	frames, err := h.lib.partition(t.Context(), h.run, 0)
	isError(t, err, ErrState, "task 2 was committed twice", "clean")
	if frames != nil {
		t.Errorf("it was given %q", frames)
	}
}

func TestCommitsThatDoNotCoverTheJobAreNeverSealed(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		h := newByHand(t, o.Reducers)
		h.finish()
		h.duplicate(2)
		_, err := h.sup.Seal(t.Context())
		h.refused(err, ErrState, "task 2 was committed twice", "clean")
	})
}

func TestCountersThatDoNotFitThePlanAreNeverSealed(t *testing.T) {
	t.Parallel()
	for field, says := range map[string]string{
		"mapped": "4 maps are committed and not 3", "reduced": "2 partitions are stored and not 1",
		"bytes": "28 bytes are committed and not 27", "put": "7 words are in stored partitions and not 6",
	} {
		h := newByHand(t, 1)
		h.finish()
		must(t, h.rdb.HIncrBy(t.Context(), h.lib.job.Key("meta"), field, 1).Err())
		_, err := h.sup.Seal(t.Context())
		h.refused(err, ErrState, says, "clean")
	}
}

func TestAJobThatNobodyCanFinishEndsTheRun(t *testing.T) {
	t.Parallel()
	for stream, h := range map[string]*byHand{"map": newByHand(t, 1), "reduce": newReducing(t, 1, 0)} {
		h.take(stream, "w", handTasks)
		must(t, h.rdb.XAck(t.Context(), h.lib.job.Key(stream), "workers", "1-0").Err())
		if stream == "map" {
			h.mustCommit(2, 3)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("nothing comes of it"))
		defer cancel()
		_, err := h.sup.Watch(ctx, over)
		isError(t, err, ErrState, "no task left", "clean")
	}
}

func TestNothingIsCommittedOnceAllIs(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{MapOnly, 1} {
		h := newByHand(t, reducers)
		h.finish()
		must(t, h.rdb.XGroupSetID(t.Context(), h.lib.job.Key("map"), "workers", "0").Err())
		h.take("map", "w", handTasks)
		if standings, err := h.commits(2); !errors.Is(err, ErrState) {
			t.Errorf("%d reducers: %v, %v", reducers, standings, err)
		}
		h.expect("all is as it was", func(st Status) bool { return st.Mapped == handTasks && st.Tokens == 6 })
		if got := h.counts(); got != handCounts {
			t.Errorf("%d reducers: counted %s", reducers, got)
		}
	}
}

func TestNothingIsStoredOnceAllIs(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.finish()
	must(t, h.rdb.XGroupSetID(t.Context(), h.lib.job.Key("reduce"), "workers", "0").Err())
	h.take("reduce", "w", 1)
	if now, err := h.lib.put(t.Context(), h.run, totals{"again", []int{0}, 0}, 0, nil, true); !errors.Is(err, ErrState) {
		t.Errorf("%+v, %v", now, err)
	}
	h.expect("all is as it was", func(st Status) bool { return st.Reduced == 1 && st.Phase == "done" })
}

func TestAJobThatLostATaskIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	for what, lose := range map[string]func(*byHand, string) error{
		"one":          func(h *byHand, key string) error { return h.rdb.XDel(h.tb.Context(), key, "2-0").Err() },
		"the last one": func(h *byHand, key string) error { return h.rdb.XDel(h.tb.Context(), key, "3-0").Err() },
		"all":          func(h *byHand, key string) error { return h.rdb.XTrimMaxLen(h.tb.Context(), key, 0).Err() },
	} {
		h := newByHand(t, 1)
		must(t, lose(h, h.lib.job.Key("map")))
		if err := h.sup.Seed(t.Context()); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "deleted") {
			t.Errorf("without %s: %v", what, err)
		}
	}
}

func TestAnAttemptCountsOnceInAPartition(t *testing.T) {
	t.Parallel()
	h := newReducing(t, 1, 1)
	list := h.lib.job.part(0)
	partial := h.rdb.LIndex(t.Context(), list, 0).Val()
	must(t, h.rdb.RPush(t.Context(), list, partial).Err())
	h.store(0)
	if got := h.counts(); got != handCounts {
		t.Errorf("counted: %s", got)
	}
}

func TestATaskThatIsDeletedUnderItsOwnerIsNoticed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	ctx := t.Context()
	h.take("map", "w", handTasks)
	must(t, h.rdb.XDel(ctx, h.lib.job.Key("map"), "2-0").Err())
	_, err := h.mapping("w").reread(ctx)
	isError(t, err, ErrState, "task 2 was deleted", "clean")
	thief := h.mapping("thief")
	thief.Lease = 0
	if stolen, err := thief.expired(ctx); err != nil || len(stolen) != 2 {
		t.Errorf("stolen: %v, %v", stolen, err)
	}
}
