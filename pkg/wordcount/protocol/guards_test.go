package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// Each guard of the protocol, one by one. The mutation check takes them out, one by one, and these
// tests must notice.

func TestABatchThatNamesATaskTwiceIsRefused(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", 1)
	if standings, err := h.Commit(1, 1); err == nil {
		t.Errorf("the standings are %v", standings)
	}
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Tokens == 0 && st.Pending() == 1 })
}

func TestABatchIsCommittedAltogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", 2)
	h.MustCommit(1)
	for _, c := range []struct {
		batch []int
		want  []string
	}{
		{[]int{1, 2}, []string{protocol.Settled, protocol.Pending}},
		{[]int{2, 3}, []string{protocol.Pending, protocol.Undelivered}},
		{[]int{1}, []string{protocol.Settled}},
	} {
		standings, err := h.Commit(c.batch...)
		check.Must(t, err)
		if !slices.Equal(standings, c.want) {
			t.Errorf("the standings of %v are %v, not %v", c.batch, standings, c.want)
		}
	}
	h.Expect("only task 1 was committed", func(st protocol.Status) bool { return st.Mapped == 1 && st.Tokens == 1 && st.Pending() == 1 })
	if got := h.Counts(); got != "one+" {
		t.Errorf("counted: %s", got)
	}
}

func TestACountThatIsNoDecimalNumberIsNotCommitted(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", 1)
	for _, n := range []any{"inf", "nan", "0x10", "1e3", "-1", "1.5", "", "1000000000000000"} { // Redis would add all but two
		standings, err := h.Client.Commit(t.Context(), h.Run, []int{1}, 1, 1, protocol.Output{Nonce: "a", Words: []any{"one", 1, "two", n}}, 0, 0)
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%q: %v, %v", n, standings, err)
		}
	}
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == 1 })
	if got := h.Counts(); got != "" {
		t.Errorf("counted: %s", got)
	}
}

func TestAZombieOfAnotherRunReachesNothing(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "zombie", wordcounttest.Tasks)
	ctx := t.Context()
	_, err := h.Client.Clean(ctx, h.Run)
	check.Must(t, err)
	older := h.Run
	h.Run = "another run"
	check.Must(t, h.Seed())
	h.Take("map", "w", wordcounttest.Tasks)
	h.Run = older
	calls := map[string]func() error{
		"commit":    func() error { _, err := h.Commit(1, 2, 3); return err },
		"partition": func() error { _, err := h.Client.Partition(ctx, h.Run, 0); return err },
		"put": func() error {
			_, err := h.Client.Store(ctx, h.Run, protocol.Totals{Nonce: "attempt", Partitions: []int{0}, Tokens: 0}, 0, nil, true)
			return err
		},
		"fail": func() error {
			_, err := h.Client.Fail(ctx, h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, "token", 1, protocol.Cause{})
			return err
		},
		"renew":   func() error { return h.Client.Renew(ctx, h.Run, "w", protocol.WorkerInfo{}, "map", []int{1}) },
		"give up": func() error { _, err := h.Client.Release(ctx, h.Run, "w", false); return err },
		"final":   func() error { _, err := h.Client.Fence(ctx, h.Run, "fence"); return err },
		"clean":   func() error { _, err := h.Client.Clean(ctx, h.Run); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, protocol.ErrOtherRun) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.Expect("nothing was done", func(st protocol.Status) bool {
		return st.Mapped == 0 && st.Pending() == wordcounttest.Tasks && st.Buried == 0
	})
}

func TestAChunkThatWouldLeaveAGapIsNotAppended(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	ctx := t.Context()
	_, err := h.Client.Clean(ctx, h.Run)
	check.Must(t, err)
	for _, c := range []struct{ first, last, top int }{{3, 3, 0}, {1, 1, 1}, {3, 3, 1}, {1, 2, 2}, {2, 3, 3}, {1, 3, 3}} {
		_, top, err := h.Client.Seed(ctx, h.Run, wordcounttest.Tasks, c.first, plan.Entries(h.Splits[c.first-1:c.last]))
		if err != nil || top != c.top {
			t.Errorf("after tasks %d to %d the top is %d, %v; want %d", c.first, c.last, top, err, c.top)
		}
	}
	h.Expect("each task is there once", func(st protocol.Status) bool { return st.Seeded == wordcounttest.Tasks })
	if tasks := h.Take("map", "w", 10); !slices.Equal(tasks, []int{1, 2, 3}) {
		t.Errorf("the tasks are %v", tasks)
	}
}

func TestSeedingWithoutMetaBeginsWithNothing(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := wordcounttest.New(t, reducers)
		h.Take("map", "w", 2)
		h.MustCommit(1)
		_, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 2}, "token", 1, protocol.Cause{})
		check.Must(t, err)
		check.Must(t, h.Client.Redis.Del(t.Context(), h.Client.Job.Key("meta")).Err())
		check.Must(t, h.Seed())
		h.Finish()
		h.Expect("the job is done", func(st protocol.Status) bool { return st.Phase == "done" && st.Tokens == 6 && st.Buried == 0 })
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("counted: %s", got)
		}
	}
}

func TestPartialCountsAreGivenOutWhileTheirPartitionIsPending(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	refused := func(when string) {
		t.Helper()
		if blobs, err := h.Client.Partition(t.Context(), h.Run, 0); !errors.Is(err, protocol.ErrPhase) {
			t.Errorf("%s: %d blobs, %v", when, len(blobs), err)
		}
	}
	h.MustCommit(1, 2)
	refused("not all are there")
	h.MustCommit(3)
	refused("nobody has the partition")
	h.Take("reduce", "w", 1)
	if blobs, err := h.Client.Partition(t.Context(), h.Run, 0); err != nil || len(blobs) != 2 {
		t.Errorf("%d blobs, %v", len(blobs), err)
	}
	h.Store(0)
	refused("the partition is stored")
	if n := h.Client.Redis.Exists(t.Context(), h.Client.Job.PartitionKey(0)).Val(); n != 0 {
		t.Error("the partial counts of a stored partition are still there")
	}
}

func TestAPartitionIsStoredOnce(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 2, 1)
	h.Store(0)
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "reduce" && st.Pending() == 0 })
	before := h.Counts()
	for part, want := range []string{protocol.Settled, protocol.Undelivered} {
		for _, last := range []bool{false, true} {
			now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "again", Partitions: []int{part}, Tokens: 9}, 0, []any{9, "wrong"}, last)
			if err != nil || !slices.Equal(now.Standings, []string{want}) {
				t.Errorf("partition %d again: %+v, %v; want %s", part, now, err, want)
			}
		}
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "reduce" })
	if after := h.Counts(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestTotalsOfAnotherRunAreNotStored(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 1, 1)
	mine := h.Run
	h.Client.Redis.AddHook(wordcounttest.Answered("place", 1, func() error {
		_, err := h.Client.Clean(t.Context(), mine)
		check.Must(t, err)
		h.Run = "another run"
		check.Must(t, h.Seed())
		return nil
	}))
	if now, err := h.Client.Store(t.Context(), mine, protocol.Totals{Nonce: "a", Partitions: []int{0}, Tokens: 9}, 0, []any{9, "wrong"}, true); !errors.Is(err, redis.TxFailedErr) || !protocol.Transient(err) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := h.Counts(); got != "" {
		t.Errorf("the next run found %s", got)
	}
}

func TestPartialCountsJoinOnToWhatTheirAttemptHasBrought(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	h.Take("map", "w", wordcounttest.Tasks)
	mine, givenUp := h.Counted(1, 2, 3).Output, h.Counted(1, 2, 3).Output
	if len(mine.Partitions[0]) == 0 || len(mine.Partitions[1]) == 0 {
		t.Fatal("a partition has no words")
	}
	commit := func(e protocol.Output, from, to int) protocol.Progress {
		now, err := h.Client.Commit(t.Context(), h.Run, []int{1, 2, 3}, 6, 1, e, from, to)
		check.Must(t, err)
		return now
	}
	for _, c := range []struct {
		effect         protocol.Output
		from, to, want int
		what           string
	}{
		{givenUp, 0, 1, 1, "the first of an attempt that dies"},
		{mine, 1, 2, 0, "the last, before the first"},
		{mine, 0, 1, 1, "the first"},
		{mine, 0, 1, 1, "the same once more, as after a lost reply"},
		{mine, 0, 2, 1, "all of them, though one is there"},
	} {
		if now := commit(c.effect, c.from, c.to); now.Done || now.Standings != nil || now.Offset != c.want {
			t.Errorf("%s: %+v, want %d partitions", c.what, now, c.want)
		}
		h.Expect("nothing is acknowledged", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == wordcounttest.Tasks })
	}
	if words, missing, err := result.Unsealed(t.Context(), h.Client.Redis, h.Client.Job); err != nil || len(words) > 0 || missing != wordcounttest.Tasks {
		t.Errorf("committed so far: %v, %d tasks missing, %v", words, missing, err)
	}
	if now := commit(mine, 1, 2); !now.Done {
		t.Errorf("the last of them: %+v", now)
	}
	if now := commit(givenUp, 1, 2); !slices.Equal(now.Standings, []string{protocol.Settled, protocol.Settled, protocol.Settled}) {
		t.Errorf("the last of the attempt that died: %+v", now)
	}
	for _, n := range h.Take("reduce", "w", 2) {
		h.Store(n - 1)
	}
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("counted: %s", got)
	}
}

func TestTotalsJoinOnToWhatTheirAttemptHasStored(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 1, 1)
	put := func(attempt string, from int, last bool, words ...any) protocol.Progress {
		now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: attempt, Partitions: []int{0}, Tokens: 6}, from, words, last)
		check.Must(t, err)
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
		if now := put(c.attempt, c.from, c.last, c.words...); now.Done || now.Standings != nil || now.Offset != c.want {
			t.Errorf("%s: %+v, want %d words", c.what, now, c.want)
		}
		if got := h.Counts(); got != c.found {
			t.Errorf("%s: stored are %s", c.what, got)
		}
	}
	// It isn't enough to have asked before: the function itself holds to it.
	for _, last := range []bool{false, true} {
		now, err := h.Client.Redis.FCall(t.Context(), protocol.Function("put"), h.Client.Job.Keys(), h.Run, "a", 1, 0, 3, 1, last, 6).Slice()
		if err != nil || !slices.Equal(now, []any{"at", int64(2)}) {
			t.Errorf("behind a gap, last %v: %v, %v", last, now, err)
		}
	}
	h.Expect("nothing is acknowledged", func(st protocol.Status) bool { return st.Reduced == 0 && st.Pending() == 1 })
	if now := put("a", 2, true, 1, "one"); !now.Done {
		t.Errorf("the last words: %+v", now)
	}
	h.Expect("all is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "done" && st.Pending() == 0 })
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("stored: %s", got)
	}
	for field := range h.Client.Redis.HGetAll(t.Context(), h.Client.Job.Key("meta")).Val() {
		if strings.HasPrefix(field, "storing") {
			t.Errorf("%s was left behind", field)
		}
	}
}

func TestPartitionsAreStoredTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 3, 2)
	h.Store(0)
	before := h.Counts()
	for _, last := range []bool{false, true} {
		now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "a", Partitions: []int{0, 1, 2}, Tokens: 9}, 0, []any{9, "wrong"}, last)
		if want := []string{protocol.Settled, protocol.Pending, protocol.Undelivered}; err != nil || !slices.Equal(now.Standings, want) {
			t.Errorf("%+v, %v; want %v", now, err, want)
		}
	}
	for _, parts := range [][]int{{1, 1}, {2, 1}, {1, 3}, {}} {
		if _, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "a", Partitions: parts, Tokens: 9}, 0, []any{9, "wrong"}, true); !errors.Is(err, protocol.ErrState) {
			t.Errorf("partitions %v: %v", parts, err)
		}
	}
	h.Expect("one is stored", func(st protocol.Status) bool { return st.Reduced == 1 && st.Pending() == 1 })
	if after := h.Counts(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// Between two commands there could be a rollback, and what they read or write would be of two
// histories.
func TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1)
	h.MustCommit(2, 3)
	h.Take("reduce", "w", 1)
	proxy := wordcounttest.NewProxy(t, h.Server.Addr, func(string, bool) bool { return false })
	endpoint := h.Server.Given()
	endpoint.URL = "redis://" + proxy.Addr() + "/0"
	rdb, err := endpoint.Client("counted")
	check.Must(t, err)
	defer rdb.Close()
	h.Client.Redis = rdb
	check.Must(t, rdb.Ping(t.Context()).Err())
	for _, c := range []struct {
		what string
		do   func()
		want []string
	}{
		{"a reduce", func() { h.Store(0) }, []string{
			"multi.1", "partition.1", "hgetall.1", "lrange.1", "exec.1", "watch.1", "place.1", "multi.2", "zadd.1", "put.1", "exec.2"}},
		{"a clean", func() {
			if n, err := h.Client.Clean(t.Context(), h.Run); err != nil || n < 4 {
				t.Errorf("%d keys were deleted, %v", n, err)
			}
		}, []string{"clean.1"}},
	} {
		before := len(proxy.Points())
		c.do()
		got := slices.DeleteFunc(proxy.Points()[before:], func(point string) bool { // a connection that the pool needed
			return strings.HasPrefix(point, "hello.") || strings.HasPrefix(point, "client-setname.")
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s is %v, not %v", c.what, got, c.want)
		}
	}
}

func TestAJobThatIsNotDoneHasNoResult(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	for _, next := range []func(){
		func() { h.MustCommit(1, 2, 3) },
		func() { h.Take("reduce", "w", 1); h.Store(0) },
	} {
		if _, err := h.Client.Fence(t.Context(), h.Run, "fence"); !errors.Is(err, protocol.ErrPhase) {
			t.Errorf("final: %v", err)
		}
		next()
	}
	if _, err := h.Client.Fence(t.Context(), h.Run, "fence"); err != nil {
		t.Errorf("final: %v", err)
	}
}

func TestAResultIsReadUnderItsFenceAlone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Finish()
	ctx := t.Context()
	for _, nonce := range []string{"first", "second"} {
		if end, err := h.Client.Fence(ctx, h.Run, nonce); end.Fence != "first" || err != nil {
			t.Errorf("the fence that stands is %q, %v", end.Fence, err)
		}
	}
	calls := map[string]func(fence string) error{
		"result":  func(fence string) error { _, err := h.Client.Page(ctx, fence, 0, 10); return err },
		"sum":     func(fence string) error { _, _, err := h.Client.Sum(ctx, fence, 0, 10); return err },
		"release": func(fence string) error { return h.Client.Dismiss(ctx, fence) },
		"discard": func(fence string) error { return h.Client.Discard(ctx, fence, 3600) },
	}
	for _, name := range []string{"result", "sum", "release", "discard"} {
		for _, fence := range []string{"second", ""} {
			if err := calls[name](fence); !errors.Is(err, protocol.ErrNoResult) {
				t.Errorf("%s under the fence %q: %v", name, fence, err)
			}
		}
	}
	if ttl := h.Client.Redis.TTL(ctx, h.Client.Job.Key("counts")).Val(); ttl != -1 {
		t.Errorf("the counts expire in %v", ttl)
	}
	h.Expect("nobody is released", func(st protocol.Status) bool { return !st.Dismissed })
	for _, name := range []string{"result", "sum", "release", "discard"} {
		if err := calls[name]("first"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABuriedTaskIsNotADoneOne(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := wordcounttest.New(t, reducers)
		h.Take("map", "w", wordcounttest.Tasks)
		standing, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 2}, "token", 1, protocol.Cause{})
		if err != nil || standing != "buried" {
			t.Fatalf("fail: %s, %v", standing, err)
		}
		h.MustCommit(1, 3)
		h.Expect("a task is missing", func(st protocol.Status) bool { return st.Phase == "map" && st.Mapped == 2 && st.Buried == 1 })
	}
}

func TestAHeartbeatRenewsOnlyWhatIsStillOwned(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "sleeper", 2)
	if stolen := h.Steal("map", "thief"); len(stolen) != 2 {
		t.Fatalf("stolen: %v", stolen)
	}
	check.Must(t, h.Client.Renew(t.Context(), h.Run, "sleeper", protocol.WorkerInfo{}, "map", []int{1, 2}))
	h.Expect("the thief has them", func(st protocol.Status) bool { return st.PendingMaps["thief"] == 2 })
	if n, err := h.Client.Release(t.Context(), h.Run, "sleeper", false); err != nil || n != 0 {
		t.Errorf("the sleeper gave up %d tasks, %v", n, err)
	}
}

func TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w0", wordcounttest.Tasks)
	holder := "w0"
	// pass hands all tasks on to the next worker, which begins with some of them.
	pass := func(begun ...int) {
		holder += "'"
		if stolen := h.Steal("map", holder); len(stolen) != wordcounttest.Tasks {
			t.Fatalf("stolen: %v", stolen)
		}
		for _, n := range begun {
			_, err := h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: n}, holder)
			check.Must(t, err)
		}
	}
	end := func(died bool) {
		n, err := h.Client.Release(t.Context(), h.Run, holder, died)
		if err != nil || n != wordcounttest.Tasks {
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
			for range 10 { // more than a worker buries a task for
				pass(1, 2, 3)
			}
		}, []int{1, 1, 1}},
		{"a second death", func() { pass(); end(true) }, []int{2, 2, 2}},
		{"now they run alone, and one had begun", func() { pass(2); end(true) }, []int{2, 3, 2}},
		{"the one before failed in good order", func() {
			pass(3)
			standing, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 3}, "token", 2, protocol.Cause{})
			if err != nil || standing != "failed" {
				t.Fatalf("fail: %s, %v", standing, err)
			}
			_, err = h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: 1}, holder)
			check.Must(t, err)
			end(true)
		}, []int{3, 3, 2}},
	} {
		c.do()
		var deaths []int
		for n := range wordcounttest.Tasks {
			d, err := h.Client.Redis.HGet(t.Context(), h.Client.Job.Key("attempts"), fmt.Sprintf("map %d deaths", n+1)).Int()
			check.Must(t, err)
			deaths = append(deaths, d)
		}
		if !slices.Equal(deaths, c.want) {
			t.Errorf("%s: %v deaths, not %v", c.what, deaths, c.want)
		}
	}
}

func TestATaskThatIsTakenOverCountsOnce(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	attempt := func(task int, by string) {
		_, err := h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: task}, by)
		check.Must(t, err)
	}
	leave := func(consumer string, died bool) {
		_, err := h.Client.Release(t.Context(), h.Run, consumer, died)
		check.Must(t, err)
	}
	steal := func(by string) {
		if stolen := h.Steal("map", by); len(stolen) != wordcounttest.Tasks {
			t.Fatalf("stolen: %v", stolen)
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
		if n := h.Status().Taken; n != c.want {
			t.Errorf("%s: %d tasks were taken over, not %d", c.what, n, c.want)
		}
	}
}

func TestNothingIsWrittenWhereAKeyHasAnotherType(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.Client.Redis.Set(t.Context(), h.Client.Job.Key("counts"), "somebody else's", 0).Err())
	if _, err := h.Commit(1); !errors.Is(err, protocol.ErrState) {
		t.Errorf("commit: %v", err)
	}
	check.Must(t, h.Client.Redis.Del(t.Context(), h.Client.Job.Key("counts")).Err())
	h.Expect("nothing was committed", func(st protocol.Status) bool { return st.Mapped == 0 && st.Pending() == wordcounttest.Tasks })
}

func TestASeedForAJobOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	fewer := protocol.Client{Redis: h.Client.Redis, Job: protocol.Job{ID: h.Client.Job.ID, Reducers: 1}}
	_, _, ofMaps := h.Client.Seed(t.Context(), h.Run, wordcounttest.Tasks+1, 1, nil)
	_, _, ofReducers := fewer.Seed(t.Context(), h.Run, wordcounttest.Tasks, 1, nil)
	for what, err := range map[string]error{"one more task": ofMaps, "fewer partitions": ofReducers} {
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.Expect("it is as it was", func(st protocol.Status) bool {
		return st.Maps == wordcounttest.Tasks && st.Reducers == 2 && st.Seeded == wordcounttest.Tasks
	})
}

func TestAJobThatLostAStreamIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"map", "reduce"} {
		h := wordcounttest.New(t, 1)
		key := h.Client.Job.Key(stream)
		check.Must(t, h.Client.Redis.Del(t.Context(), key).Err())
		if err := h.Seed(); !errors.Is(err, protocol.ErrState) {
			t.Errorf("without its stream %s: %v", stream, err)
		}
		if h.Client.Redis.Exists(t.Context(), key).Val() != 0 {
			t.Errorf("the stream %s was begun anew", stream)
		}
	}
}

func TestAJobOfAnotherSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0)
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.Client.Redis.HSet(t.Context(), h.Client.Job.Key("meta"), "schema", "0").Err())
	if err := h.Seed(); !errors.Is(err, protocol.ErrState) {
		t.Errorf("seeded, %v", err)
	}
	if standings, err := h.Commit(1); !errors.Is(err, protocol.ErrState) {
		t.Errorf("committed, %v, %v", standings, err)
	}
}

func TestAnErrorIsCountedOnceForEachAttempt(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", 1)
	for _, c := range []struct{ token, want string }{{"a", "failed"}, {"a", "failed"}, {"a", "failed"}, {"b", "buried"}, {"b", protocol.Settled}} {
		standing, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, c.token, 2, protocol.Cause{})
		if err != nil || standing != c.want {
			t.Errorf("attempt %s: %s, %v; want %s", c.token, standing, err, c.want)
		}
	}
}

func TestAResultThatLacksABuriedTaskIsNotFenced(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Finish()
	check.Must(t, h.Client.Redis.HSet(t.Context(), h.Client.Job.Key("dead"), "map 2", "error").Err())
	if end, err := h.Client.Fence(t.Context(), h.Run, "fence"); !errors.Is(err, protocol.ErrState) {
		t.Errorf("fenced by %q, %v", end.Fence, err)
	}
}

func TestNothingIsReducedOfCommitsThatDoNotCoverTheJob(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 1, 1)
	h.Duplicate(2)
	frames, err := h.Client.Partition(t.Context(), h.Run, 0)
	check.IsError(t, err, protocol.ErrState, "task 2 was committed twice", "clean")
	if frames != nil {
		t.Errorf("it was given %q", frames)
	}
}

func TestNothingIsCommittedOnceAllIs(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := wordcounttest.New(t, reducers)
		h.Finish()
		check.Must(t, h.Client.Redis.XGroupSetID(t.Context(), h.Client.Job.Key("map"), "workers", "0").Err())
		h.Take("map", "w", wordcounttest.Tasks)
		if standings, err := h.Commit(2); !errors.Is(err, protocol.ErrState) {
			t.Errorf("%d reducers: %v, %v", reducers, standings, err)
		}
		h.Expect("all is as it was", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks && st.Tokens == 6 })
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("%d reducers: counted %s", reducers, got)
		}
	}
}

func TestNothingIsStoredOnceAllIs(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Finish()
	check.Must(t, h.Client.Redis.XGroupSetID(t.Context(), h.Client.Job.Key("reduce"), "workers", "0").Err())
	h.Take("reduce", "w", 1)
	if now, err := h.Client.Store(t.Context(), h.Run, protocol.Totals{Nonce: "again", Partitions: []int{0}, Tokens: 0}, 0, nil, true); !errors.Is(err, protocol.ErrState) {
		t.Errorf("%+v, %v", now, err)
	}
	h.Expect("all is as it was", func(st protocol.Status) bool { return st.Reduced == 1 && st.Phase == "done" })
}

func TestAJobThatLostATaskIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	for what, lose := range map[string]func(*wordcounttest.Job, string) error{
		"one": func(h *wordcounttest.Job, key string) error {
			return h.Client.Redis.XDel(h.TB.Context(), key, "2-0").Err()
		},
		"the last one": func(h *wordcounttest.Job, key string) error {
			return h.Client.Redis.XDel(h.TB.Context(), key, "3-0").Err()
		},
		"all": func(h *wordcounttest.Job, key string) error {
			return h.Client.Redis.XTrimMaxLen(h.TB.Context(), key, 0).Err()
		},
	} {
		h := wordcounttest.New(t, 1)
		check.Must(t, lose(h, h.Client.Job.Key("map")))
		if err := h.Seed(); !errors.Is(err, protocol.ErrState) || !strings.Contains(err.Error(), "deleted") {
			t.Errorf("without %s: %v", what, err)
		}
	}
}

func TestAnAttemptCountsOnceInAPartition(t *testing.T) {
	t.Parallel()
	h := wordcounttest.NewReducing(t, 1, 1)
	list := h.Client.Job.PartitionKey(0)
	partial := h.Client.Redis.LIndex(t.Context(), list, 0).Val()
	check.Must(t, h.Client.Redis.RPush(t.Context(), list, partial).Err())
	h.Store(0)
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("counted: %s", got)
	}
}
