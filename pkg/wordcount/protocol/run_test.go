package protocol_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

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
		"commit":  func() error { _, err := h.Commit(1, 2, 3); return err },
		"outputs": func() error { _, err := h.Client.Outputs(ctx, h.Run); return err },
		"revoke":  func() error { return h.Client.Revoke(ctx, h.Run, "output", "host", errors.New("it is gone")) },
		"place": func() error {
			_, err := h.Client.Store(ctx, h.Run, protocol.Totals{Nonce: "attempt", Partitions: []int{0}}, 0, nil, true)
			return err
		},
		"put": func() error {
			return protocol.Classify(h.Client.Redis.FCall(ctx, protocol.Function("put"), h.Client.Job.Keys(), h.Run, "attempt", 1, 0, 0, 0, 1, 0).Err())
		},
		"begin task": func() error {
			_, err := h.Client.BeginTask(ctx, h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, "w")
			return err
		},
		"fail": func() error {
			_, err := h.Client.Fail(ctx, h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, "token", 1, protocol.Cause{})
			return err
		},
		"renew":   func() error { return h.Client.Renew(ctx, h.Run, "w", protocol.WorkerInfo{}, "map", []int{1}) },
		"release": func() error { _, err := h.Client.Release(ctx, h.Run, "w", false); return err },
		"final":   func() error { _, err := h.Client.Fence(ctx, h.Run, "fence"); return err },
		"requeue": func() error { _, err := h.Client.Requeue(ctx, h.Run); return err },
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

// Between two commands there could be a rollback, and what they read or write would be of two
// histories.
func TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	lost := h.Counted(1)
	_, err := h.Send(lost)
	check.Must(t, err)
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
		{"a revoke", func() {
			check.Must(t, h.Client.Revoke(t.Context(), h.Run, lost.Output, "host", errors.New("it is gone")))
		}, []string{"revoke.1"}},
		{"a commit", func() {
			h.Steal("map", "thief")
			h.MustCommit(1)
		}, []string{"xautoclaim.1", "commit.1"}},
		{"a reduce", func() { h.Store(0) }, []string{
			"outputs.1", "watch.1", "place.1", "multi.1", "zadd.1", "put.1", "exec.1",
		}},
		{"the outputs so far", func() {
			_, _, err := protocol.OutputsSoFar(t.Context(), rdb, h.Client.Job)
			check.Must(t, err)
		}, []string{"multi.2", "hgetall.1", "hgetall.2", "exec.2"}},
		{"the outputs under the fence", func() {
			_, _, err := h.Client.Fenced(t.Context(), h.Fence())
			check.Must(t, err)
		}, []string{"final.1", "multi.3", "result.1", "hgetall.3", "hmget.1", "exec.3"}},
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
